import { describe, expect, it } from "vitest";
import { availableMemory } from "../../../generators/io/memory.ts";

const meminfo = "MemTotal:       100000 kB\nMemFree:   1 kB\nMemAvailable:    40000 kB\n";
const from = (files: Record<string, string>) => availableMemory(async (path) => files[path]);

describe("availableMemory", () => {
  it("is MemAvailable without control groups", async () => {
    expect(await from({ "/proc/meminfo": meminfo })).toBe(40_000 * 1024);
  });

  it("is what the tightest cgroup v2 ancestor leaves, page cache given back", async () => {
    const files = {
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "0::/pod/container\n",
      "/sys/fs/cgroup/pod/container/memory.max": "max\n",
      "/sys/fs/cgroup/pod/container/memory.current": "5000000\n",
      "/sys/fs/cgroup/pod/memory.max": "9000000\n",
      "/sys/fs/cgroup/pod/memory.current": "8000000\n",
      "/sys/fs/cgroup/pod/memory.stat": "anon 3\ninactive_file 500000\n",
    };
    expect(await from(files)).toBe(1_500_000);
  });

  it("reads cgroup v1, also where the path is the host's", async () => {
    const files = {
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "12:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1000000\n",
      "/sys/fs/cgroup/memory/memory.stat": "total_inactive_file 250\n",
    };
    expect(await from(files)).toBe(2_000_250);
  });

  it("is never negative and unknown where /proc is absent", async () => {
    const full = {
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": "10\n",
      "/sys/fs/cgroup/memory.current": "20\n",
    };
    expect(await from(full)).toBe(0);
    expect(await from({})).toBeUndefined();
  });
});
