// ./run.sh --once: the first thing a user does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { free_port, is_listening } from './support/http.mjs';
import { short_clip } from './support/media.mjs';
import { Process, binary, repository } from './support/server.mjs';
import { check_if, forget_log, remove_folder, temp_folder } from './support/suite.mjs';

const script = path.join(repository, 'run.sh');
const built = path.join(repository, 'build/telecine');
// Otherwise these checks would build, which is not theirs to do, or test another binary.
const lacking = fs.existsSync(built) && fs.realpathSync(built) === fs.realpathSync(binary)
  ? null : `run.sh runs ${built}, and ${binary} is what is tested`;
const long = { timeout: 800_000 };

async function run_script(args, body) {
  const data = temp_folder('script');
  const port = await free_port();
  const env = { TELECINE_LISTEN: `127.0.0.1:${port}`, TELECINE_DATA: data };
  const script_process = new Process(script, args, { env, label: 'run.sh' });
  try {
    const end = await script_process.wait({ guard: 700_000 });
    await body({ ...end, said: script_process.stdout + script_process.stderr,
                 stdout: script_process.stdout, port, data });
    assert.ok(!(await is_listening(port)), 'the server has gone with it');
  } finally {
    forget_log(script_process);
    remove_folder(data);
  }
}

check_if(lacking, './run.sh --once FILE makes the ladder, shows it and ends with 0', async () =>
  run_script(['--once', short_clip().path], ({ code, stdout, said, port, data }) => {
    assert.equal(code, 0, said);
    assert.match(stdout, /succeeded/);
    for (const name of ['720p', '480p', '360p', 'hls', 'cover']) assert.ok(stdout.includes(name));
    assert.match(stdout, /320x240/, 'with facts');
    assert.ok(stdout.includes(`http://127.0.0.1:${port}/objects/`), 'and links');
    assert.ok(fs.existsSync(path.join(data, 'telecine.db')), 'the data is where it was asked for');
  }), long);

check_if(lacking, './run.sh --once makes a clip of its own', async () =>
  run_script(['--once'], ({ code, stdout, said }) => {
    assert.equal(code, 0, said);
    assert.match(stdout, /succeeded/);
    assert.match(stdout, /1280x720/);
  }), long);

check_if(lacking, './run.sh --once ends with an error when the job failed', async () => {
  const folder = temp_folder('page');
  const page = path.join(folder, 'page.mp4');
  fs.writeFileSync(page, '<html>not a video</html>');
  await run_script(['--once', page], ({ code, said }) => {
    assert.notEqual(code, 0);
    assert.match(said, /not_media/);
  });
  remove_folder(folder);
}, long);

check_if(lacking, './run.sh says what is wrong with its arguments', async () => {
  await run_script(['--once', '/nowhere/clip.mp4'], ({ code, said }) => {
    assert.notEqual(code, 0);
    assert.match(said, /no file.*clip\.mp4/);
  });
  await run_script(['--twice'], ({ code, said }) => {
    assert.notEqual(code, 0);
    assert.match(said, /--twice/);
  });
}, long);
