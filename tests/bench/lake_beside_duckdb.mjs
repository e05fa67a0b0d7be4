// The event store beside DuckDB on the same JSON lines: write, bytes an event, look-up, full scan. DuckDB comes from npm and stays
// outside the repository:  npm install --prefix /tmp/duck @duckdb/node-api
//
// usage: node tests/bench/lake_beside_duckdb.mjs SOC_BINARY WORK_FOLDER EVENTS.ndjson [DUCK_FOLDER=/tmp/duck]
//   ENTITY (default: an address found in the data), FIELD and WORD of the scan by environment: LOOKUP_FIELD, LOOKUP_VALUE, SCAN_FIELD, SCAN_WORD
// One JSON line a figure on stdout. Caches are warm: every question is asked three times, the median counts.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const [soc, work, events, duck = '/tmp/duck'] = process.argv.slice(2);
if (!events) {
  console.error('usage: lake_beside_duckdb.mjs SOC_BINARY WORK_FOLDER EVENTS.ndjson [DUCK_FOLDER]');
  process.exit(2);
}
const lookupField = process.env.LOOKUP_FIELD ?? 'DestinationIp';
const lookupValue = process.env.LOOKUP_VALUE ?? '10.0.1.5';
const lookupEntity = process.env.LOOKUP_ENTITY ?? `ip:${lookupValue}`;
const scanField = process.env.SCAN_FIELD ?? 'CommandLine';
const scanWord = process.env.SCAN_WORD ?? 'whoami';

const tell = (figure) => console.log(JSON.stringify(figure));
const median = (xs) => xs.sort((a, b) => a - b)[xs.length >> 1];
const seconds = (begin) => Number(process.hrtime.bigint() - begin) / 1e9;

// ---- ours
mkdirSync(work, { recursive: true });
const store = join(work, 'lake');
rmSync(store, { recursive: true, force: true });
const loaded = spawnSync(soc, ['lake', 'load', store, events], { encoding: 'utf8', maxBuffer: 1 << 26 });
const write = JSON.parse(loaded.stderr.trim().split('\n').at(-1));
tell({ store: 'soc', what: 'write', raw_bytes: statSync(events).size, ...write });

function ask(what, args) {
  const took = [];
  let last;
  for (let i = 0; i < 3; ++i) {
    const run = spawnSync(soc, ['lake', ...args, '--stats'], { encoding: 'utf8', maxBuffer: 1 << 30 });
    last = JSON.parse(run.stderr.trim().split('\n').at(-1));
    took.push(last.seconds);
  }
  tell({ store: 'soc', what, ...last, seconds: median(took) });
}
ask('look-up by entity, newest 100', ['search', store, '--entity', lookupEntity, '--limit', '100']);
ask('full scan of one field', ['search', store, `${scanField}|contains: ${scanWord}`, '--limit', '100000']);

// ---- DuckDB
const api = join(duck, 'node_modules', '@duckdb', 'node-api');
if (!existsSync(api)) {
  console.error(`no ${api}: npm install --prefix ${duck} @duckdb/node-api`);
  process.exit(0);
}
const { DuckDBInstance } = createRequire(join(duck, 'x.js'))('@duckdb/node-api');
const file = join(work, 'peer.duckdb');
rmSync(file, { force: true });
const instance = await DuckDBInstance.create(file, { threads: '1' });
const peer = await instance.connect();
let begin = process.hrtime.bigint();
await peer.run(`CREATE TABLE events AS SELECT * FROM read_json_auto('${events}', format='newline_delimited', union_by_name=true,
  maximum_object_size=33554432, sample_size=20000, ignore_errors=true)`);
await peer.run('CHECKPOINT');
const count = Number((await (await peer.run('SELECT count(*) FROM events')).getRows())[0][0]);
const took = seconds(begin);
tell({ store: 'duckdb', what: 'write', events: count, seconds: took, raw_bytes_per_s: statSync(events).size / took,
       bytes_per_event: statSync(file).size / count });

async function query(what, sql) {
  const times = [];
  let rows = 0;
  for (let i = 0; i < 3; ++i) {
    begin = process.hrtime.bigint();
    rows = (await (await peer.run(sql)).getRows()).length;
    times.push(seconds(begin));
  }
  tell({ store: 'duckdb', what, found: rows, seconds: median(times) });
}
const time = process.env.TIME_FIELD ?? 'EventTime';
await query('look-up by entity, newest 100', `SELECT * FROM events WHERE "${lookupField}" = '${lookupValue}' ORDER BY "${time}" DESC LIMIT 100`);
await query('full scan of one field', `SELECT * FROM events WHERE "${scanField}" ILIKE '%${scanWord}%'`);
