// Runs a program in Pyodide, with the package's wheel: node pyodide.mjs FILE.whl PROGRAM.py
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.unpackArchive(new Uint8Array(readFileSync(process.argv[2])), "wheel");
python.runPython(readFileSync(process.argv[3], "utf8"));
