#!/usr/bin/env node
import { createEnv } from "../io/create-env.ts";
import { runCli } from "./run-cli.ts";

// The exit code is set rather than process.exit called, so that piped output is written to its end.
process.exitCode = await runCli(createEnv(), process.argv.slice(2));
