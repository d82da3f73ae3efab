import type { TextSink } from "../../io/env.ts";
import type { Progress } from "../command.ts";
import { plainProgress } from "./plain-progress.ts";

/** Folds each outermost task in the log of a GitHub Actions step, where groups do not nest. */
export function githubProgress(sink: TextSink): Progress {
  return plainProgress(sink, { open: (title) => `::group::${escapeData(title)}\n`, close: () => "::endgroup::\n" });
}

/** Workflow commands take their data percent-encoded. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
