// Runs a program in Pyodide, with the package in a zip file: node pyodide.mjs FILE.zip PROGRAM.py
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.unpackArchive(new Uint8Array(readFileSync(process.argv[2])), "zip");
python.runPython(readFileSync(process.argv[3], "utf8"));
