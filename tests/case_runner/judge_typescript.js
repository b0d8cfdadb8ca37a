// Answers each base64 line on its input: `ok`, or why the text does not parse.
// The argument is the file name whose ending says how to read it (a.ts, a.tsx).
const ts = require("typescript");
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const text = Buffer.from(line, "base64").toString("utf8");
  const file = ts.createSourceFile(process.argv.at(-1), text, ts.ScriptTarget.ESNext, false);
  const found = file.parseDiagnostics[0];
  console.log(found ? ts.flattenDiagnosticMessageText(found.messageText, " ") : "ok");
});
