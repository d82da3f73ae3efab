import { setTimeout as wait } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { Progress } from "../../../generators/cli/command.ts";
import { createProgress } from "../../../generators/cli/progress/create-progress.ts";
import { recorder } from "../../support/env.ts";

/** A task with two sub-tasks at once, then a second task. */
async function work(progress: Progress): Promise<string> {
  const result = await progress.task("Compile", async (update) => {
    update("2 units");
    update("2 units");
    progress.note("No cache.");
    await Promise.all(
      ["a", "b"].map((name) =>
        progress.task(name, async (detail) => {
          detail(`${name}.cu`);
          await wait(1);
        }),
      ),
    );
    return "done";
  });
  await progress.task("Pack", async () => undefined);
  progress.note("Finished.");
  return result;
}

async function failingTask(progress: Progress): Promise<unknown> {
  const error = new Error("no");
  const caught = await progress.task("Fail", () => Promise.reject(error)).catch((reason: unknown) => reason);
  expect(caught).toBe(error);
  return progress.task("Again", async () => "ok");
}

describe("createProgress", () => {
  it("prints plain lines where stderr is no terminal, each once", async () => {
    const sink = recorder();
    expect(await work(createProgress({ stderr: sink, vars: {} }))).toBe("done");
    expect(sink.text()).toBe("Compile\n  2 units\nNo cache.\n  a\n  a: a.cu\n  b\n  b: b.cu\nPack\nFinished.\n");
  });

  it.each([{ TERM: "dumb" }, { CI: "true" }])("prints plain lines on a terminal with %j", async (vars) => {
    const sink = recorder({ isTTY: true });
    await work(createProgress({ stderr: sink, vars }));
    expect(sink.text()).toMatch(/^Compile\n {2}2 units\n/);
  });

  it("folds outermost tasks in GitHub Actions, and only those", async () => {
    const sink = recorder();
    const progress = createProgress({ stderr: sink, vars: { GITHUB_ACTIONS: "true", CI: "true" } });
    await work(progress);
    await progress.task("50%\nmore", async () => undefined);
    expect(sink.text()).toBe(
      "::group::Compile\n  2 units\nNo cache.\n  a\n  a: a.cu\n  b\n  b: b.cu\n::endgroup::\n" +
        "::group::Pack\n::endgroup::\nFinished.\n::group::50%25%0Amore\n::endgroup::\n",
    );
  });

  it("closes the group of a task that fails, and passes its error on", async () => {
    const sink = recorder();
    expect(await failingTask(createProgress({ stderr: sink, vars: { GITHUB_ACTIONS: "true" } }))).toBe("ok");
    expect(sink.text()).toBe("::group::Fail\n::endgroup::\n::group::Again\n::endgroup::\n");
  });

  it("draws a live list on a terminal and leaves the finished tasks", async () => {
    const sink = recorder({ isTTY: true });
    expect(await work(createProgress({ stderr: sink, vars: {} }))).toBe("done");
    const text = stripVTControlCharacters(sink.text());
    expect(text).toContain("Compile");
    expect(text).toContain("a.cu");
    expect(text).toMatch(/\S Compile\nNo cache\.\n[\s\S]*\S Pack\n[\s\S]*Finished\.\n$/);
  });

  it("passes errors on from a live list and goes on working", async () => {
    const sink = recorder({ isTTY: true });
    expect(await failingTask(createProgress({ stderr: sink, vars: {} }))).toBe("ok");
    // The caller prints the error: here it would come twice.
    expect(stripVTControlCharacters(sink.text())).not.toMatch(/\bno\b/);
  });
});
