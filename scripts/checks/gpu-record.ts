export interface MeasurementFile {
  readonly path: string;
  readonly text: string;
}

export interface RecordVerdict {
  readonly current: boolean;
  /** One line for each record, and what to do when none is current. */
  readonly lines: readonly string[];
}

/** Compares the GPU records among the measurements with the digest of today's kernel sources. */
export function gpuRecordVerdict(files: readonly MeasurementFile[], sourcesSha256: string): RecordVerdict {
  const records = files.flatMap(({ path, text }) => {
    const content: { kind?: unknown; sourcesSha256?: unknown } = JSON.parse(text);
    return content.kind === "gpu-record" ? [{ path, current: content.sourcesSha256 === sourcesSha256 }] : [];
  });
  const lines = records.map(({ path, current }) => `${path}: of ${current ? "today's" : "other"} kernel sources`);
  const current = records.some((record) => record.current);
  if (current) return { current, lines };
  const missing = records.length === 0 ? "There is no GPU record." : "No GPU record is of today's kernel sources.";
  return { current, lines: [...lines, `${missing} Run \`pytest test/gpu\` on a GPU machine and commit its record.`] };
}
