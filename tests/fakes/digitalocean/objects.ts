/** Objects as DigitalOcean's API shows them, with every property that it names. @module */
import type { Account, Action, Droplet, Snapshot, Volume } from "./account.ts";

/** A region. */
const regionObject = (slug: string) => ({
  name: `Region ${slug}`,
  slug,
  sizes: ["s-1vcpu-1gb"],
  features: ["metadata", "storage"],
  available: true,
});

const isoOf = (time: Date) => time.toISOString().replace(/\.\d+Z$/, "Z");

/** A volume. */
export const volumeObject = (volume: Volume) => ({
  id: volume.id,
  name: volume.name,
  description: volume.description,
  size_gigabytes: volume.sizeGb,
  // DigitalOcean shows both where there is none. The id decides, so that the same volume stays the same.
  droplet_ids: volume.dropletIds.length === 0 && isEven(volume.id) ? null : [...volume.dropletIds],
  created_at: isoOf(volume.createdAt),
  tags: volume.tags.length === 0 && isEven(volume.id) ? null : [...volume.tags],
  region: regionObject(volume.region),
  filesystem_type: "",
  filesystem_label: "",
});

const isEven = (uuid: string) => Number.parseInt(uuid.at(-1)!, 16) % 2 === 0;

/** An action. */
export const actionObject = (action: Action) => ({
  id: action.id,
  status: action.status,
  type: action.type === "resize" ? "resize" : `${action.type}_volume`,
  started_at: isoOf(action.startedAt),
  completed_at: action.completedAt ? isoOf(action.completedAt) : null,
  resource_id: null,
  resource_type: "volume",
  region: regionObject(action.region),
  region_slug: action.region,
});

/** A snapshot. The billed size is less than the size of a volume that is created from it. */
export const snapshotObject = (snapshot: Snapshot) => ({
  id: snapshot.id,
  name: snapshot.name,
  created_at: isoOf(snapshot.createdAt),
  regions: [snapshot.region],
  min_disk_size: snapshot.sizeGb,
  size_gigabytes: 0.12,
  resource_id: snapshot.volumeId,
  resource_type: "volume",
  tags: [],
});

/** A droplet. */
export const dropletObject = (droplet: Droplet, account: Account) => ({
  id: droplet.id,
  name: droplet.name,
  memory: 1024,
  vcpus: 1,
  disk: 25,
  disk_info: [{ type: "local", size: { amount: 25, unit: "gib" } }],
  locked: false,
  status: droplet.status,
  kernel: null,
  created_at: isoOf(droplet.createdAt),
  features: ["private_networking"],
  backup_ids: [],
  next_backup_window: null,
  snapshot_ids: [],
  image: {
    id: 7_555_620,
    name: "24.04 x64",
    type: "base",
    distribution: "Ubuntu",
    slug: "ubuntu-24-04-x64",
    public: true,
    regions: [droplet.region],
    created_at: isoOf(droplet.createdAt),
    min_disk_size: 7,
    size_gigabytes: 2.36,
    description: "",
    tags: [],
    status: "available",
    error_message: "",
  },
  volume_ids: [...account.volumes.values()].filter(({ dropletIds }) => dropletIds.includes(droplet.id))
    .map(({ id }) => id),
  size: {
    slug: "s-1vcpu-1gb",
    memory: 1024,
    vcpus: 1,
    disk: 25,
    transfer: 1,
    price_monthly: 6,
    price_hourly: 0.00893,
    regions: [droplet.region],
    available: true,
    description: "Basic",
    disk_info: [{ type: "local", size: { amount: 25, unit: "gib" } }],
  },
  size_slug: "s-1vcpu-1gb",
  networks: { v4: [], v6: [] },
  region: regionObject(droplet.region),
  tags: [],
  vpc_uuid: "760e09ef-dc84-11e8-981e-3cfdfeaae000",
  ...(droplet.gpu && { gpu_info: { count: 1, model: "nvidia_h100", vram: { amount: 80, unit: "gib" } } }),
});
