// Compiles contracts/*.sol with the solc of package.json and writes one
// artifact a contract (abi, bytecode) into artifacts/ and, since Go embeds
// only files of its own module, the same bytes into services/devnet.
//
//   npm ci && node build.js           write the artifacts
//   npm ci && node build.js --check   compare them, exit 1 on a difference
//
// The output depends on the sources and package-lock.json alone: no metadata
// hash, no paths of this machine.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const root = __dirname;
const outputs = [
  path.join(root, "artifacts"),
  path.join(root, "..", "..", "services", "devnet", "internal", "artifact", "json"),
];

const sources = {};
for (const name of fs.readdirSync(path.join(root, "contracts")).sort()) {
  if (name.endsWith(".sol")) {
    sources[`contracts/${name}`] = { content: fs.readFileSync(path.join(root, "contracts", name), "utf8") };
  }
}

function readImport(name) {
  try {
    return { contents: fs.readFileSync(path.join(root, "node_modules", name), "utf8") };
  } catch {
    return { error: `${name} is not in node_modules: run npm ci` };
  }
}

const input = {
  language: "Solidity",
  sources,
  settings: {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
for (const e of output.errors || []) {
  process.stderr.write(e.formattedMessage);
}
if ((output.errors || []).length > 0) {
  process.exit(1);
}

const check = process.argv.includes("--check");
const files = new Map();
for (const source of Object.keys(sources)) {
  for (const [contract, c] of Object.entries(output.contracts[source])) {
    const artifact = {
      contract,
      source,
      compiler: solc.version(),
      abi: c.abi,
      bytecode: "0x" + c.evm.bytecode.object,
      deployedBytecode: "0x" + c.evm.deployedBytecode.object,
    };
    files.set(`${contract}.json`, JSON.stringify(artifact, null, 2) + "\n");
  }
}

let different = 0;
for (const dir of outputs) {
  fs.mkdirSync(dir, { recursive: true });
  for (const old of fs.readdirSync(dir)) {
    if (!files.has(old)) {
      process.stderr.write(`${path.relative(root, path.join(dir, old))} belongs to no contract\n`);
      different++;
    }
  }
  for (const [name, text] of files) {
    const file = path.join(dir, name);
    if (!check) {
      fs.writeFileSync(file, text);
    } else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) {
      process.stderr.write(`${path.relative(root, file)} differs from its source: run node build.js\n`);
      different++;
    }
  }
}
process.exit(different === 0 ? 0 : 1);
