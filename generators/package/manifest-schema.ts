import { z } from "zod";
import { archs } from "../plan/types.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

/** `turbosparse/manifest.json` of a wheel, described in docs/architecture.md. */
export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(2),
  version: z.string(),
  archs: z.array(z.enum(archs)),
  engines: z.array(z.string()),
  models: z.array(
    z.looseObject({
      name: z.string(),
      hidden: count,
      intermediate: count,
      experts: count,
      tensorParallel: z.array(count),
    }),
  ),
  kernels: z.array(
    z.strictObject({
      name: z.string(),
      family: z.string(),
      parameters: z.record(z.string(), z.union([z.string(), z.number()])),
      /** The largest of the instance's kernels; null for PTX, whose registers the driver allocates. */
      registers: count.nullable(),
      spillBytes: count.nullable(),
      staticSharedBytes: count.nullable(),
      /** Of a launch, a block. */
      threads: count,
      dynamicSharedBytes: count,
      /** Depth of the ring in shared memory; null for a kernel without one. */
      stages: count.nullable(),
      /** Blocks resident at once, and the share of the warps that they fill. */
      blocksPerMultiprocessor: count.nullable(),
      occupancy: z.number().min(0).max(1).nullable(),
    }),
  ),
  toolchain: z.strictObject({ nvcc: z.string(), flags: z.array(z.string()), host: z.string(), tvmFfi: z.string() }),
  sources: z.strictObject({ sha256: digest }),
  library: z.strictObject({ path: z.string(), sha256: digest, bytes: count }),
});

export type Manifest = z.infer<typeof manifestSchema>;
