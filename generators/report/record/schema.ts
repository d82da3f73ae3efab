import { z } from "zod";

/** What `python -m turbosparse.bench` times, in the order in which a report shows it. */
export const operators = ["ffn", "predict", "ffn_predicted", "ffn_gate_first", "moe", "moe_gate_first"] as const;

// A record may come from anywhere and its texts reach terminals, where control characters are commands.
const text = z.string().regex(/^[^\p{Cc}\p{Cf}]+$/u, "expected text without control characters");
const count = z.int().nonnegative();
const positive = z.number().positive();
const share = z.number().min(0).max(1);

const shapeSchema = z.strictObject({
  hidden: z.int().positive(),
  intermediate: z.int().positive(),
  experts: z.int().positive(),
  topK: z.int().positive(),
  /** Of the predictor; null where none is used. */
  rank: z.int().positive().nullable(),
  predictorBits: z.literal([8, 16]).nullable(),
  dtype: z.enum(["bf16", "fp16"]),
  activation: z.enum(["drelu", "reglu"]),
  /** Layers with weights of their own in the timed graph, so that none stays in the L2 cache. */
  layers: z.int().positive(),
});

const resultSchema = z.strictObject({
  operator: z.enum(operators),
  shape: shapeSchema,
  tokens: z.int().positive(),
  /** Share of neurons that one token activates, and that some token of the call activates. */
  density: share,
  unionDensity: share,
  /** What the operator did with so many tokens. */
  path: z.enum(["sparse", "dense"]),
  /** Bytes that must be read. */
  bytes: count,
  microseconds: positive,
  denseMicroseconds: positive.nullable(),
  speedup: positive.nullable(),
  gigabytesPerSecond: z.number().nonnegative(),
  /** Time at the copy bandwidth over the measured time. */
  roofShare: z.number().nonnegative(),
  // The time of a wrong result says nothing, so a bench never writes one.
  verified: z.literal(true),
});

/** Read before all else: the keys of another version or kind of file are no business of this schema. */
export const headerSchema = z.looseObject({ schemaVersion: z.literal(1), kind: z.literal("turbosparse-bench") });

/** A file that `python -m turbosparse.bench` writes. */
export const recordSchema = z.strictObject({
  ...headerSchema.shape,
  gpu: text,
  /** Null where no nvidia-smi said it. */
  driver: text.nullable(),
  torch: text,
  cuda: text,
  turbosparse: text,
  archs: z.array(text),
  nvcc: text,
  commit: text.nullable(),
  sourcesSha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hexadecimal"),
  /** The roof: measured bandwidth of a copy, read plus write. */
  copyGigabytesPerSecond: positive,
  results: z.array(resultSchema),
});

/** Every key of a record, at any depth. */
export const recordKeys: readonly string[] = [recordSchema, resultSchema, shapeSchema].flatMap(({ shape }) =>
  Object.keys(shape),
);

export type BenchRecord = Readonly<z.infer<typeof recordSchema>>;
export type BenchResult = Readonly<z.infer<typeof resultSchema>>;
export type BenchShape = Readonly<z.infer<typeof shapeSchema>>;
export type Operator = (typeof operators)[number];
