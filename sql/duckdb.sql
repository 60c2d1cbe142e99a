-- Sketches of docs/format/sketch.md inside DuckDB. Parts are separated by "-- part:" lines; {{names}} are filled in by
-- src/exchange/sql-query.ts:
--   items     a query with one column, item BLOB: the bytes of each item
--   k0 … k37  the words of the key that the salt makes
--   class     the constant of the class's round; classes: WHEN clauses that give a class by its word
--   rounds    rows (round, constant): one for each four cells of the head, one for each later block
--   tries     rows (class, round, byte, threshold, start, multiplier, shift): where an item may lie
--   size      how many cells
--   wanted    rows (lo, hi): the ids to find
-- All numbers are BIGINT and stay below 2^63; words are taken modulo 2^32 with "& 4294967295".

-- part: digests
SELECT DISTINCT sha256(item) AS digest FROM ({{items}}) AS source

-- part: ids
SELECT digest, h0 | (h1 << 16) AS lo, h2 | (h3 << 16) AS hi
FROM (
  SELECT
    digest,
    (({{k0}} + {{k1}} * d0 + {{k2}} * d1 + {{k3}} * d2 + {{k4}} * d3 + {{k5}} * d4 + {{k6}} * d5 + {{k7}} * d6 + {{k8}} * d7) >> 16) & 65535 AS h0,
    (({{k9}} + {{k10}} * d0 + {{k11}} * d1 + {{k12}} * d2 + {{k13}} * d3 + {{k14}} * d4 + {{k15}} * d5 + {{k16}} * d6 + {{k17}} * d7) >> 16) & 65535 AS h1,
    (({{k18}} + {{k19}} * d0 + {{k20}} * d1 + {{k21}} * d2 + {{k22}} * d3 + {{k23}} * d4 + {{k24}} * d5 + {{k25}} * d6 + {{k26}} * d7) >> 16) & 65535 AS h2,
    (({{k27}} + {{k28}} * d0 + {{k29}} * d1 + {{k30}} * d2 + {{k31}} * d3 + {{k32}} * d4 + {{k33}} * d5 + {{k34}} * d6 + {{k35}} * d7) >> 16) & 65535 AS h3
  FROM (
    -- The first 16 bytes of the digest as eight little-endian words of 16 bits.
    SELECT
      digest,
      ('0x' || digest[3:4] || digest[1:2])::BIGINT AS d0,
      ('0x' || digest[7:8] || digest[5:6])::BIGINT AS d1,
      ('0x' || digest[11:12] || digest[9:10])::BIGINT AS d2,
      ('0x' || digest[15:16] || digest[13:14])::BIGINT AS d3,
      ('0x' || digest[19:20] || digest[17:18])::BIGINT AS d4,
      ('0x' || digest[23:24] || digest[21:22])::BIGINT AS d5,
      ('0x' || digest[27:28] || digest[25:26])::BIGINT AS d6,
      ('0x' || digest[31:32] || digest[29:30])::BIGINT AS d7
    FROM ({{digests}}) AS hashed
  ) AS words
) AS lanes

-- part: cells
WITH
  rounds (round, constant) AS (VALUES {{rounds}}),
  tries (class, round, byte, threshold, start, multiplier, shift) AS (VALUES {{tries}}),
  identified AS ({{ids}}),
  -- check = mix(hi ^ k37 ^ mix(lo ^ k36)), and the word of the class, mix(lo ^ 31 × golden): step by step, since each
  -- step of a mix uses the one before it twice.
  m1 AS (SELECT lo, hi, xor(lo, {{k36}}) AS a, xor(lo, {{class}}) AS b FROM identified),
  m2 AS (SELECT lo, hi, (xor(a, a >> 16) * 569420461) & 4294967295 AS a, (xor(b, b >> 16) * 569420461) & 4294967295 AS b FROM m1),
  m3 AS (SELECT lo, hi, (xor(a, a >> 15) * 1935289751) & 4294967295 AS a, (xor(b, b >> 15) * 1935289751) & 4294967295 AS b FROM m2),
  m4 AS (SELECT lo, hi, xor(xor(hi, {{k37}}), xor(a, a >> 15)) AS a, xor(b, b >> 15) & 65535 AS word FROM m3),
  m5 AS (SELECT lo, hi, word, (xor(a, a >> 16) * 569420461) & 4294967295 AS a FROM m4),
  m6 AS (SELECT lo, hi, word, (xor(a, a >> 15) * 1935289751) & 4294967295 AS a FROM m5),
  checked AS (SELECT lo, hi, xor(a, a >> 15) AS "check", CASE {{classes}} END AS class FROM m6),
  -- For each round w = mix(lo ^ constant) and v = mix(hi ^ w).
  r1 AS (SELECT lo, hi, "check", class, round, xor(lo, constant) AS a FROM checked, rounds),
  r2 AS (SELECT lo, hi, "check", class, round, (xor(a, a >> 16) * 569420461) & 4294967295 AS a FROM r1),
  r3 AS (SELECT lo, hi, "check", class, round, (xor(a, a >> 15) * 1935289751) & 4294967295 AS a FROM r2),
  r4 AS (SELECT lo, hi, "check", class, round, xor(a, a >> 15) AS w FROM r3),
  r5 AS (SELECT lo, hi, "check", class, round, w & 65535 AS level, xor(hi, w) AS a FROM r4),
  r6 AS (SELECT lo, hi, "check", class, round, level, (xor(a, a >> 16) * 569420461) & 4294967295 AS a FROM r5),
  r7 AS (SELECT lo, hi, "check", class, round, level, (xor(a, a >> 15) * 1935289751) & 4294967295 AS a FROM r6),
  r8 AS (SELECT lo, hi, "check", class, round, level, xor(a, a >> 15) AS v FROM r7),
  hits AS (
    SELECT lo, hi, "check", start + (((v * multiplier) & 4294967295) >> shift) AS cell
    FROM r8 JOIN tries USING (class, round)
    WHERE CASE WHEN round < 4 THEN (v >> byte) & 255 ELSE level END < threshold
  )
SELECT cell, bit_xor(lo) AS lo, bit_xor(hi) AS hi, bit_xor("check") AS "check"
FROM hits
WHERE cell < {{size}}
GROUP BY cell

-- part: root
SELECT
  count(*) AS items,
  sum(('0x' || digest[7:8] || digest[5:6] || digest[3:4] || digest[1:2])::BIGINT) % 4294967296 AS s0,
  sum(('0x' || digest[15:16] || digest[13:14] || digest[11:12] || digest[9:10])::BIGINT) % 4294967296 AS s1,
  sum(('0x' || digest[23:24] || digest[21:22] || digest[19:20] || digest[17:18])::BIGINT) % 4294967296 AS s2,
  sum(('0x' || digest[31:32] || digest[29:30] || digest[27:28] || digest[25:26])::BIGINT) % 4294967296 AS s3,
  sum(('0x' || digest[39:40] || digest[37:38] || digest[35:36] || digest[33:34])::BIGINT) % 4294967296 AS s4,
  sum(('0x' || digest[47:48] || digest[45:46] || digest[43:44] || digest[41:42])::BIGINT) % 4294967296 AS s5,
  sum(('0x' || digest[55:56] || digest[53:54] || digest[51:52] || digest[49:50])::BIGINT) % 4294967296 AS s6,
  sum(('0x' || digest[63:64] || digest[61:62] || digest[59:60] || digest[57:58])::BIGINT) % 4294967296 AS s7
FROM ({{digests}}) AS hashed

-- part: find
SELECT lo, hi, hex(item) AS item
FROM ({{ids}}) AS identified JOIN (SELECT DISTINCT item FROM ({{items}}) AS source) AS source ON sha256(item) = digest
WHERE (lo, hi) IN ({{wanted}})
