/**
 * Makes a checkout ready to run: packages, Redis, and on request the build and what the tests need. Repeating it is
 * free. This file itself stays readable to old Node versions, so that they get the line below and not a syntax error.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Sluice needs Node 20.19 or newer; this is Node ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(1);
}

const { main } = await import('./setup/main.mjs');
process.exitCode = await main(process.argv.slice(2));
