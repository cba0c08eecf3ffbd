// What every JavaScript file of the course keeps to; layout is prettier's affair, types are tsc's.
import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";

export default defineConfig([
  globalIgnores(["**/.*/", "_build/", "build/", "dist/", "**/generated/", "book/_static/vendor/"]),
  {
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" },
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    rules: {
      ...js.configs.recommended.rules,
      complexity: ["error", 20],
      "max-lines-per-function": ["error", 150],
      "no-shadow": ["error", { hoist: "all", ignoreOnInitialization: true }],
      "no-unused-vars": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-self-compare": "error",
      "no-throw-literal": "error",
      "no-unused-expressions": ["error", { allowShortCircuit: false }],
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  {
    files: ["**/*.mjs", "tests/js/*"],
    languageOptions: { globals: globals.node },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { sourceType: "commonjs", globals: globals.node },
  },
]);
