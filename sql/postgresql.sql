-- Sketches of docs/format/sketch.md inside PostgreSQL (14 and later). Parts are separated by "-- part:" lines; {{names}} are filled in by
-- src/exchange/sql-query.ts:
--   items     a query with one column, item bytea: the bytes of each item
--   k0 … k37  the words of the key that the salt makes
--   class     the constant of the class's round; classes: WHEN clauses that give a class by its word
--   rounds    rows (round, constant): one for each four cells of the head, one for each later block
--   tries     rows (class, round, byte, threshold, start, multiplier, shift): where an item may lie
--   size      how many cells
--   wanted    rows (lo, hi): the ids to find
-- All numbers are bigint and stay below 2^63; words are taken modulo 2^32 with "& 4294967295". "OFFSET 0" keeps the planner
-- from putting a step into the next one, which uses it twice: a mix would be computed eight times over.

-- part: digests
SELECT DISTINCT sha256(item) AS digest FROM ({{items}}) AS source

-- part: ids
SELECT digest, h0 | (h1 << 16) AS lo, h2 | (h3 << 16) AS hi
FROM (
  SELECT
    digest,
    ((({{k0}} + {{k1}} * d0 + {{k2}} * d1 + {{k3}} * d2 + {{k4}} * d3 + {{k5}} * d4 + {{k6}} * d5 + {{k7}} * d6 + {{k8}} * d7) >> 16) & 65535) AS h0,
    ((({{k9}} + {{k10}} * d0 + {{k11}} * d1 + {{k12}} * d2 + {{k13}} * d3 + {{k14}} * d4 + {{k15}} * d5 + {{k16}} * d6 + {{k17}} * d7) >> 16) & 65535) AS h1,
    ((({{k18}} + {{k19}} * d0 + {{k20}} * d1 + {{k21}} * d2 + {{k22}} * d3 + {{k23}} * d4 + {{k24}} * d5 + {{k25}} * d6 + {{k26}} * d7) >> 16) & 65535) AS h2,
    ((({{k27}} + {{k28}} * d0 + {{k29}} * d1 + {{k30}} * d2 + {{k31}} * d3 + {{k32}} * d4 + {{k33}} * d5 + {{k34}} * d6 + {{k35}} * d7) >> 16) & 65535) AS h3
  FROM (
    -- The first 16 bytes of the digest as eight little-endian words of 16 bits.
    SELECT
      digest,
      get_byte(digest, 0) + 256 * get_byte(digest, 1)::bigint AS d0,
      get_byte(digest, 2) + 256 * get_byte(digest, 3)::bigint AS d1,
      get_byte(digest, 4) + 256 * get_byte(digest, 5)::bigint AS d2,
      get_byte(digest, 6) + 256 * get_byte(digest, 7)::bigint AS d3,
      get_byte(digest, 8) + 256 * get_byte(digest, 9)::bigint AS d4,
      get_byte(digest, 10) + 256 * get_byte(digest, 11)::bigint AS d5,
      get_byte(digest, 12) + 256 * get_byte(digest, 13)::bigint AS d6,
      get_byte(digest, 14) + 256 * get_byte(digest, 15)::bigint AS d7
    FROM ({{digests}}) AS hashed OFFSET 0
  ) AS words OFFSET 0
) AS lanes OFFSET 0

-- part: cells
WITH
  rounds AS (SELECT round, constant::bigint FROM (VALUES {{rounds}}) AS listed (round, constant)),
  tries AS (
    SELECT class, round, byte, threshold, start, multiplier::bigint, shift
    FROM (VALUES {{tries}}) AS listed (class, round, byte, threshold, start, multiplier, shift)
  ),
  identified AS ({{ids}}),
  -- check = mix(hi ^ k37 ^ mix(lo ^ k36)), and the word of the class, mix(lo ^ 31 × golden): step by step, since each
  -- step of a mix uses the one before it twice.
  m1 AS (SELECT lo, hi, (lo # {{k36}}) AS a, (lo # {{class}}) AS b FROM identified OFFSET 0),
  m2 AS (SELECT lo, hi, ((a # (a >> 16)) * 569420461) & 4294967295 AS a, ((b # (b >> 16)) * 569420461) & 4294967295 AS b FROM m1 OFFSET 0),
  m3 AS (SELECT lo, hi, ((a # (a >> 15)) * 1935289751) & 4294967295 AS a, ((b # (b >> 15)) * 1935289751) & 4294967295 AS b FROM m2 OFFSET 0),
  m4 AS (SELECT lo, hi, ((hi # {{k37}}) # (a # (a >> 15))) AS a, (b # (b >> 15)) & 65535 AS word FROM m3 OFFSET 0),
  m5 AS (SELECT lo, hi, word, ((a # (a >> 16)) * 569420461) & 4294967295 AS a FROM m4 OFFSET 0),
  m6 AS (SELECT lo, hi, word, ((a # (a >> 15)) * 1935289751) & 4294967295 AS a FROM m5 OFFSET 0),
  checked AS (SELECT lo, hi, (a # (a >> 15)) AS "check", CASE {{classes}} END AS class FROM m6 OFFSET 0),
  -- For each round w = mix(lo ^ constant) and v = mix(hi ^ w).
  r1 AS (SELECT lo, hi, "check", class, round, (lo # constant) AS a FROM checked, rounds OFFSET 0),
  r2 AS (SELECT lo, hi, "check", class, round, ((a # (a >> 16)) * 569420461) & 4294967295 AS a FROM r1 OFFSET 0),
  r3 AS (SELECT lo, hi, "check", class, round, ((a # (a >> 15)) * 1935289751) & 4294967295 AS a FROM r2 OFFSET 0),
  r4 AS (SELECT lo, hi, "check", class, round, (a # (a >> 15)) AS w FROM r3 OFFSET 0),
  r5 AS (SELECT lo, hi, "check", class, round, w & 65535 AS level, (hi # w) AS a FROM r4 OFFSET 0),
  r6 AS (SELECT lo, hi, "check", class, round, level, ((a # (a >> 16)) * 569420461) & 4294967295 AS a FROM r5 OFFSET 0),
  r7 AS (SELECT lo, hi, "check", class, round, level, ((a # (a >> 15)) * 1935289751) & 4294967295 AS a FROM r6 OFFSET 0),
  r8 AS (SELECT lo, hi, "check", class, round, level, (a # (a >> 15)) AS v FROM r7 OFFSET 0),
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
  mod(coalesce(sum(get_byte(digest, 0) + 256 * get_byte(digest, 1) + 65536 * get_byte(digest, 2) + 16777216 * get_byte(digest, 3)::bigint), 0), 4294967296) AS s0,
  mod(coalesce(sum(get_byte(digest, 4) + 256 * get_byte(digest, 5) + 65536 * get_byte(digest, 6) + 16777216 * get_byte(digest, 7)::bigint), 0), 4294967296) AS s1,
  mod(coalesce(sum(get_byte(digest, 8) + 256 * get_byte(digest, 9) + 65536 * get_byte(digest, 10) + 16777216 * get_byte(digest, 11)::bigint), 0), 4294967296) AS s2,
  mod(coalesce(sum(get_byte(digest, 12) + 256 * get_byte(digest, 13) + 65536 * get_byte(digest, 14) + 16777216 * get_byte(digest, 15)::bigint), 0), 4294967296) AS s3,
  mod(coalesce(sum(get_byte(digest, 16) + 256 * get_byte(digest, 17) + 65536 * get_byte(digest, 18) + 16777216 * get_byte(digest, 19)::bigint), 0), 4294967296) AS s4,
  mod(coalesce(sum(get_byte(digest, 20) + 256 * get_byte(digest, 21) + 65536 * get_byte(digest, 22) + 16777216 * get_byte(digest, 23)::bigint), 0), 4294967296) AS s5,
  mod(coalesce(sum(get_byte(digest, 24) + 256 * get_byte(digest, 25) + 65536 * get_byte(digest, 26) + 16777216 * get_byte(digest, 27)::bigint), 0), 4294967296) AS s6,
  mod(coalesce(sum(get_byte(digest, 28) + 256 * get_byte(digest, 29) + 65536 * get_byte(digest, 30) + 16777216 * get_byte(digest, 31)::bigint), 0), 4294967296) AS s7
FROM ({{digests}}) AS hashed

-- part: find
SELECT lo, hi, encode(item, 'hex') AS item
FROM ({{ids}}) AS identified JOIN (SELECT DISTINCT item FROM ({{items}}) AS source) AS source ON sha256(item) = digest
WHERE (lo, hi) IN ({{wanted}})
