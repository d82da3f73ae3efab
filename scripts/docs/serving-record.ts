import { z } from "zod";

const positive = z.number().positive();

/** By number of streams that decode at once, or by what else was timed. */
const byCall = z.record(z.string(), positive);

const sideSchema = z.looseObject({
  vllm: z.string(),
  eager: z.boolean(),
  millisecondsPerStep: byCall,
  /** Of a prompt of 2048 tokens; null where it was left out. */
  prefillMilliseconds: positive.nullable(),
});

/** What test/gpu/vllm/speed.py writes of both sides, as far as a page shows it. */
export const servingSchema = z.looseObject({
  schemaVersion: z.literal(1),
  kind: z.literal("turbosparse-serving"),
  gpu: z.string(),
  model: z.string(),
  layers: z.int().positive(),
  /** Planted, by a name that docs/serving-benchmarks.md explains. */
  unions: z.string(),
  measuredDensity: positive,
  dense: sideSchema,
  sparse: z.looseObject({ ...sideSchema.shape, unionByTokens: byCall }),
  speedup: byCall,
  memoryRatio: positive.nullable(),
});

export type ServingRecord = Readonly<z.infer<typeof servingSchema>>;
