// Builds the script and the style sheet of the page into the package: `npm run build`.
import { build } from "esbuild";

const into = process.argv[2] ?? "../micrograd/pictures";
const common = { bundle: true, minify: true, legalComments: "none", logLevel: "error" };
const script = { ...common, format: "iife", target: "es2022", charset: "utf8" };
await build({ ...script, entryPoints: ["src/main.ts"], outfile: `${into}/page.js` });
await build({ ...script, entryPoints: ["src/run.ts"], outfile: `${into}/run.js` });
for (const name of ["page", "run"])
  await build({ ...common, entryPoints: [`src/${name}.css`], outfile: `${into}/${name}.css` });
