import { percent, times } from "../../generators/report/format.ts";
import type { Plot } from "../../generators/report/plot/types.ts";
import { servingPlot, streams } from "./expectation-plots.ts";
import { table } from "./markdown.ts";
import { type ServingRecord, servingSchema } from "./serving-record.ts";

export interface ServingSection {
  readonly text: readonly string[];
  /** By the name of the file in docs/plots. */
  readonly plots: Readonly<Record<string, Plot>>;
}

const none = [
  "Steps of stock vLLM beside the dense twin are measured with `test/gpu/vllm/speed.py`, see",
  "[serving-benchmarks.md](serving-benchmarks.md); there is no record of today's kernels yet. Of a step the layers above",
  "are a part: attention, norms, sampling and the scheduler take as long as in the dense model.",
];

/** Decode steps and prefills in vLLM, from the records `docs/measurements/*-serving-*.json`; says so if there are none. */
export function servingSection(measurements: Readonly<Record<string, string>>): ServingSection {
  const records = Object.keys(measurements)
    .filter((path) => path.includes("-serving-"))
    .sort()
    .map((path) => parseServing(path, measurements[path] ?? ""));
  if (records.length === 0) return { text: none, plots: {} };
  const models = [...new Set(records.map(({ model, gpu }) => `${model} on ${gpu}`))];
  const parts = models.map((name) =>
    modelPart(
      name,
      records.filter(({ model, gpu }) => `${model} on ${gpu}` === name),
    ),
  );
  const intro = [
    "Milliseconds of a decode step in stock vLLM with its default graphs, and of a prefill of 2048 tokens, beside the dense",
    "twin in the same run. How much tokens share is planted, by one of the growths that",
    "[serving-benchmarks.md](serving-benchmarks.md) names: `measured` in the small model, `proxy` as larger ones may. Below",
    "1.00× the sparse model, which has its predictors to evaluate as well, is slower than the twin.",
    "",
  ];
  return {
    text: [...intro, ...parts.flatMap(({ text }) => text)].slice(0, -1),
    plots: Object.assign({}, ...parts.map(({ plots }) => plots)),
  };
}

function parseServing(path: string, text: string): ServingRecord {
  const parsed = servingSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${path} is not a record of both sides by speed.py: ${issue?.path.join(".")}: ${issue?.message}`);
}

function modelPart(name: string, records: readonly ServingRecord[]): ServingSection {
  const id = `serving-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  const rows = records.flatMap((record) => {
    const calls = streams(record).map(String);
    const [dense, sparse] = [record.dense.millisecondsPerStep, record.sparse.millisecondsPerStep];
    return calls.map((call) => [
      record.unions,
      call,
      (dense[call] ?? 0).toFixed(2),
      (sparse[call] ?? 0).toFixed(2),
      times(record.speedup[call] ?? 0),
      percent(record.sparse.unionByTokens[call] ?? 0),
    ]);
  });
  const notes = records.map(({ unions, dense, sparse, speedup, measuredDensity, memoryRatio }) => {
    const prefill =
      speedup.prefill === undefined
        ? ""
        : ` A prefill of 2048 tokens takes ${sparse.prefillMilliseconds} ms, the dense twin's ${dense.prefillMilliseconds} ms (${times(speedup.prefill)}).`;
    const memory =
      memoryRatio === null ? "" : ` Loading takes ${memoryRatio.toFixed(2)} times the dense weights and predictors.`;
    return `With \`${unions}\` unions, vLLM ${sparse.vllm}, a token activated ${percent(measuredDensity)}.${prefill}${memory}`;
  });
  const head = ["unions", "streams", "dense, ms", "sparse, ms", "speed-up", "in the union"];
  return {
    text: [
      `### ${name}`,
      "",
      `![Speed-up of a decode step of ${name}](plots/${id}.svg)`,
      "",
      ...table(head, rows),
      "",
      ...notes.flatMap((note) => [note, ""]),
    ],
    plots: { [id]: servingPlot(id, `Decode step of ${name}`, records) },
  };
}
