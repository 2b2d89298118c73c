// Builds the script and the style sheet of the page into the package: `npm run build`.
import { build } from "esbuild";

const into = process.argv[2] ?? "../micrograd/pictures";
const common = { bundle: true, minify: true, legalComments: "none", logLevel: "error" };
await build({ ...common, entryPoints: ["src/main.ts"], outfile: `${into}/page.js`, format: "iife", target: "es2022", charset: "utf8" });
await build({ ...common, entryPoints: ["src/page.css"], outfile: `${into}/page.css` });
