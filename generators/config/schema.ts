import { z } from "zod";
import { archs } from "../plan/types.ts";

const density = z
  .number()
  .gt(0)
  .max(1)
  .describe("Share of the neurons of one FFN or routed expert that a token is expected to activate.");

const model = z
  .strictObject({
    path: z.string().min(1).optional().describe("Hugging Face model folder, relative to this file."),
    preset: z.string().min(1).optional().describe("Name of built-in shapes, for example turbosparse-mistral-7b."),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]*$/)
      .optional()
      .describe("Name in the plugin's manifest: lower case letters, digits, '-', '.' and '_'. Default: the folder's."),
    activation: z
      .enum(["drelu", "reglu"])
      .optional()
      .describe("drelu: relu(gate) * relu(up). reglu: relu(gate) * up. Needed where the model's config cannot say."),
    gateThreshold: z
      .number()
      .min(0)
      .optional()
      .describe("FATReLU threshold of a reglu model: gate values at or below it count as zero."),
    density: density.optional(),
    selection: z
      .enum(["predictor", "gate-first"])
      .optional()
      .describe("How active neurons are found. gate-first is exact and ignores the checkpoint's predictor."),
  })
  .meta({ oneOf: [{ required: ["path"] }, { required: ["preset"] }] });

const tokenCount = z.int().min(1).max(64);

/** What turbosparse.yaml may say. The JSON schema that editors use and the CLI's validation both come from here. */
export const configSchema = z.strictObject({
  schemaVersion: z.literal(1),
  models: z.array(model).min(1).optional().describe("Models to build for. Default: both presets."),
  archs: z.array(z.enum(archs)).min(1).optional().describe("GPU architectures. Default: this machine's, else sm_90a."),
  density: density.optional().describe("Density of the models that do not set their own."),
  tokens: z
    .strictObject({ min: tokenCount.optional(), max: tokenCount.optional() })
    .optional()
    .describe("Tokens of one call that the sparse kernels serve. Default: 1 to 64."),
  tensorParallel: z
    .array(z.int().min(1).max(64))
    .min(1)
    .optional()
    .describe("Tensor-parallel sizes to build shards for. Default: [1]."),
  engines: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("What uses the kernels: vllm, tensorrt, cpp. Default: [vllm]."),
  dtypes: z
    .strictObject({
      weights: z.enum(["bf16", "fp16"]).optional().describe("Default: the checkpoint's."),
    })
    .optional()
    .describe("Element types on the device."),
});

export type ConfigFile = z.infer<typeof configSchema>;
export type ModelEntry = NonNullable<ConfigFile["models"]>[number];
