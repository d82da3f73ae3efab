import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { main: "generators/cli/main.ts" },
  outDir: "lib",
  format: "esm",
  platform: "node",
  target: "node20.19",
  dts: false,
  clean: true,
});
