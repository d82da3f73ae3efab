import { build } from "tsdown";

/** The end-to-end tests run the command line as users do, from lib/, so it must be of today's sources. */
export default async function buildLib(): Promise<void> {
  await build({ logLevel: "warn" });
}
