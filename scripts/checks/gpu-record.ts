export interface MeasurementFile {
  readonly path: string;
  readonly text: string;
}

export interface RecordVerdict {
  /** Whether some record says that every GPU test passed with today's kernel sources. */
  readonly current: boolean;
  /** One line for each record, and what to do when none is current. */
  readonly lines: readonly string[];
}

/** What test/gpu/record.py writes, as far as it matters here. */
interface GpuRecord {
  readonly kind?: unknown;
  readonly sourcesSha256?: unknown;
  /** Of pytest: 0 when every test passed. */
  readonly exitCode?: unknown;
}

/** Compares the GPU records among the measurements with the digest of today's kernel sources. */
export function gpuRecordVerdict(files: readonly MeasurementFile[], sourcesSha256: string): RecordVerdict {
  const records = files.flatMap(({ path, text }) => {
    const content: GpuRecord = JSON.parse(text);
    if (content.kind !== "gpu-record") return [];
    return [{ path, today: content.sourcesSha256 === sourcesSha256, passed: content.exitCode === 0 }];
  });
  const lines = records.map(
    ({ path, today, passed }) =>
      `${path}: ${passed ? "passed" : "FAILED"}, of ${today ? "today's" : "other"} kernel sources`,
  );
  const current = records.some(({ today, passed }) => today && passed);
  if (current) return { current, lines };
  const missing =
    records.length === 0 ? "There is no GPU record." : "No passing GPU record is of today's kernel sources.";
  return {
    current,
    lines: [...lines, `${missing} Run test/gpu/record.py on a machine with a GPU and commit what it writes.`],
  };
}
