import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { requireTool } from '../../require.ts'
import { checkedHead, listed, readIndex } from '../../suites/published.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

/**
 * Does to an index what the Perl program does to tell of a file: with its lock, its reader and its writer of YAML, and
 * knowing of nothing but epoch, path and type.
 */
const program = `
use strict; use YAML::Syck; use Time::HiRes qw(time);
my ($file, $type, $path) = @ARGV;
$YAML::Syck::SortKeys = 1;
until (mkdir "$file.lock") { select undef, undef, undef, 0.01 }
open my $fh, ">", "$file.lock/process" or die $!; print $fh "$$\\n"; close $fh;
my $data = YAML::Syck::LoadFile($file);
die "protocol" unless $data->{meta}{protocol} == 1;
die "order" unless $data->{recent}[0]{epoch} == $data->{meta}{minmax}{max};
my $now = time;
$data->{recent} = [ { epoch => "$now", path => $path, type => $type }, grep { $_->{path} ne $path } @{$data->{recent}} ];
$data->{meta}{minmax}{max} = "$now";
$data->{meta}{Producers} = { '$0' => 'rrr-update', time => "$now", 'File::Rsync::Mirror::Recentfile' => '0.4.3' };
YAML::Syck::DumpFile("$file.new", $data);
rename "$file.new", $file or die $!;
unlink "$file.lock/process"; rmdir "$file.lock";
`

test('a Perl program and this one tell of files in turn', async (t) => {
  const judge = spawnSync('perl', ['-MYAML::Syck', '-e', '1'])
  if (!requireTool(t, judge.status === 0, 'libyaml-syck-perl is not installed')) return
  const tree = join(memoryDirectory(t), 'tree')
  mkdirSync(join(tree, 'a'), { recursive: true })
  for (const path of ['one', 'a/two', 'a: b\n']) writeFileSync(join(tree, path), path)
  const tell = (type: string, path: string): void => {
    const { status, stderr } = spawnSync('perl', ['-e', program, join(tree, 'RECENT-1h.yaml'), type, path])
    assert.equal(status, 0, stderr.toString())
  }
  await publishOnce(tree)
  const before = listed(readIndex(tree))

  writeFileSync(join(tree, 'by-perl'), '1')
  utimesSync(join(tree, 'by-perl'), 1_760_000_000, 1_760_000_000)
  tell('new', 'by-perl')
  rmSync(join(tree, 'one'))
  tell('delete', 'one')
  // Nothing is left to tell, and nothing is lost of what it does not know.
  assert.deepEqual((await publishOnce(tree)).changes, [])
  checkedHead(tree)
  const after = listed(readIndex(tree))
  assert.deepEqual([...after.keys()].toSorted(), ['a/two', 'a: b\n', 'by-perl'])
  assert.equal(after.get('a: b\n'), before.get('a: b\n'))
  assert.equal(after.get('by-perl'), undefined)

  writeFileSync(join(tree, 'by-perl'), 'changed')
  writeFileSync(join(tree, 'ours'), '1')
  const { changes } = await publishOnce(tree)
  assert.deepEqual(changes.map(({ path }) => path).toSorted(), ['by-perl', 'ours'])
  tell('new', 'ours')
  assert.deepEqual((await publishOnce(tree)).changes, [])
  checkedHead(tree)
})
