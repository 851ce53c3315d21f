// Runs the named benchmarks, or all of them, and writes what they found as Markdown.
import { machine_facts, read_options } from './support/report.mjs';

const names = ['ladder', 'codecs', 'procedure', 'snapshots', 'smart_clip', 'segments', 'analysis',
               'queries', 'submits', 'start', 'dialects', 'export'];
const usage = `run.mjs [--quick] [--data DIR] [--rounds N] [NAME…]

NAME is one of: ${names.join(', ')}. All of them without a name.
--quick runs each for a moment, to see that it works.`;

const options = read_options(usage);
const unknown = options.names.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  process.exit(2);
}

console.log(`# Telecine, measured\n\n${machine_facts()}`);
for (const name of options.names.length > 0 ? options.names : names) {
  try {
    const { run } = await import(`./${name}.mjs`);
    console.log(await run(options));
  } catch (error) {
    process.exitCode = 1;
    console.log(`## ${name}\n\nBROKEN: ${error.message}\n`);
    console.error(error);
  }
}
