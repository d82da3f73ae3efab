import { posix } from "node:path";

/** Content of a file below /proc or /sys, undefined when it cannot be read. */
export type ReadSystemFile = (path: string) => Promise<string | undefined>;

/**
 * Bytes a new process may use: the smallest of the kernel's MemAvailable and what each control group above this process
 * leaves. Undefined where /proc says nothing.
 */
export async function availableMemory(read: ReadSystemFile): Promise<number | undefined> {
  const limits = [await memAvailable(read), ...(await cgroupHeadrooms(read))];
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}

async function memAvailable(read: ReadSystemFile): Promise<number | undefined> {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec((await read("/proc/meminfo")) ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

interface CgroupFiles {
  readonly mount: string;
  readonly limit: string;
  readonly usage: string;
  /** Key in memory.stat of page cache that the kernel gives back before it kills anything. */
  readonly reclaimable: string;
}

const version2: CgroupFiles = {
  mount: "/sys/fs/cgroup",
  limit: "memory.max",
  usage: "memory.current",
  reclaimable: "inactive_file",
};

const version1: CgroupFiles = {
  mount: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  reclaimable: "total_inactive_file",
};

async function cgroupHeadrooms(read: ReadSystemFile): Promise<(number | undefined)[]> {
  const headrooms: (number | undefined)[] = [];
  for (const line of ((await read("/proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const files = controllers === "" ? version2 : controllers.split(",").includes("memory") ? version1 : undefined;
    if (files === undefined) continue;
    for (const folder of foldersUpTo(files.mount, path)) headrooms.push(await headroom(read, files, folder));
  }
  return headrooms;
}

/** In a container the path may name a folder of the host that is not mounted: the mount itself then has the limit. */
function foldersUpTo(mount: string, path: string): string[] {
  const folders = [mount];
  for (let inner = posix.normalize(path); inner !== "/" && inner !== "."; inner = posix.dirname(inner)) {
    folders.push(posix.join(mount, inner));
  }
  return folders;
}

async function headroom(read: ReadSystemFile, files: CgroupFiles, folder: string): Promise<number | undefined> {
  const limit = Number.parseInt((await read(`${folder}/${files.limit}`)) ?? "", 10);
  const usage = Number.parseInt((await read(`${folder}/${files.usage}`)) ?? "", 10);
  // "max" and an absent file parse to NaN: no limit here.
  if (Number.isNaN(limit) || Number.isNaN(usage)) return undefined;
  const stat = (await read(`${folder}/memory.stat`)) ?? "";
  const reclaimable = new RegExp(`^${files.reclaimable} (\\d+)$`, "m").exec(stat)?.[1] ?? "0";
  return limit - usage + Number(reclaimable);
}
