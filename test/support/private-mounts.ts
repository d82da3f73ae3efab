import { execa } from "execa";

/**
 * Runs a shell script as root of its own user and mount namespace, where it may mount what it likes; needs no
 * privileges. What it mounts goes with it.
 */
export async function withPrivateMounts(script: string, vars: Readonly<Record<string, string>>): Promise<string> {
  const result = await execa("unshare", ["--map-root-user", "--mount", "bash", "-euc", script], {
    env: vars,
    extendEnv: false,
    reject: false,
    all: true,
  });
  if (result.all?.includes("unshare: ")) {
    throw new Error(
      `These tests fill and write-protect real file systems in a user namespace, which this machine forbids: ${result.all}`,
    );
  }
  if (result.exitCode !== 0) throw new Error(`The script ended with ${result.exitCode}:\n${result.all}`);
  return result.stdout;
}
