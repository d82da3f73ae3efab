import { chalk } from "zx";

/**
 * Runs every step, also after one failed, and prints each with its time. A step returns the problems it found, one a
 * line; a child process that fails is a problem with its output.
 * @param {{ name: string, run: () => Promise<readonly string[]> }[]} steps
 * @returns {Promise<string[]>} names of the steps that failed
 */
export async function runSteps(steps) {
  const failed = [];
  for (const { name, run } of steps) {
    const start = performance.now();
    const problems = await run().catch((error) => [error instanceof Error ? error.message : String(error)]);
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    const mark = problems.length === 0 ? chalk.green("ok    ") : chalk.red("FAILED");
    process.stdout.write(`${mark} ${seconds} s  ${name}\n`);
    for (const problem of problems) process.stdout.write(`${problem.trimEnd().replace(/^/gm, "    ")}\n`);
    if (problems.length > 0) failed.push(name);
  }
  return failed;
}
