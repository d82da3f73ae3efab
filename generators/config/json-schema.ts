import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The text of docs/turbosparse.schema.json. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input" });
  return `${JSON.stringify({ title: "turbosparse.yaml", ...schema }, null, 2)}\n`;
}
