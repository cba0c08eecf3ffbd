// Joins and minifies JavaScript for live.py: one JSON request in ({ text, folder, bundle, apart }), the script out.
"use strict";
const { buildSync } = require(process.argv[2]);

const { text, folder, bundle, apart } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
try {
  const { outputFiles } = buildSync({
    stdin: { contents: text, resolveDir: folder },
    bundle,
    external: bundle ? apart : undefined,
    format: bundle ? "iife" : undefined,
    minify: true,
    target: "es2022",
    charset: "utf8",
    write: false,
    logLevel: "silent",
  });
  process.stdout.write(outputFiles[0].text);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
