-- Sketches of docs/format/sketch.md inside ClickHouse. Parts are separated by "-- part:" lines; {{names}} are filled in by
-- src/exchange/sql-query.ts:
--   items     a query with one column, item String: the bytes of each item
--   k0 … k37  the words of the key that the salt makes
--   class     the constant of the class's round; classes: WHEN clauses that give a class by its word
--   rounds    rows (round, constant): one for each four cells of the head, one for each later block
--   tries     rows (class, round, byte, threshold, start, multiplier, shift): where an item may lie
--   size      how many cells
--   wanted    rows (lo, hi): the ids to find
-- All numbers are UInt64; words are taken modulo 2^32 with bitAnd(…, 4294967295).

-- part: digests
SELECT DISTINCT SHA256(item) AS digest FROM ({{items}}) AS source

-- part: ids
SELECT digest, h0 + 65536 * h1 AS lo, h2 + 65536 * h3 AS hi
FROM (
  SELECT
    digest,
    bitAnd(bitShiftRight({{k0}} + {{k1}} * d0 + {{k2}} * d1 + {{k3}} * d2 + {{k4}} * d3 + {{k5}} * d4 + {{k6}} * d5 + {{k7}} * d6 + {{k8}} * d7, 16), 65535) AS h0,
    bitAnd(bitShiftRight({{k9}} + {{k10}} * d0 + {{k11}} * d1 + {{k12}} * d2 + {{k13}} * d3 + {{k14}} * d4 + {{k15}} * d5 + {{k16}} * d6 + {{k17}} * d7, 16), 65535) AS h1,
    bitAnd(bitShiftRight({{k18}} + {{k19}} * d0 + {{k20}} * d1 + {{k21}} * d2 + {{k22}} * d3 + {{k23}} * d4 + {{k24}} * d5 + {{k25}} * d6 + {{k26}} * d7, 16), 65535) AS h2,
    bitAnd(bitShiftRight({{k27}} + {{k28}} * d0 + {{k29}} * d1 + {{k30}} * d2 + {{k31}} * d3 + {{k32}} * d4 + {{k33}} * d5 + {{k34}} * d6 + {{k35}} * d7, 16), 65535) AS h3
  FROM (
    -- The first 16 bytes of the digest as eight little-endian words of 16 bits.
    SELECT
      digest,
      toUInt64(reinterpretAsUInt16(substring(digest, 1, 2))) AS d0,
      toUInt64(reinterpretAsUInt16(substring(digest, 3, 2))) AS d1,
      toUInt64(reinterpretAsUInt16(substring(digest, 5, 2))) AS d2,
      toUInt64(reinterpretAsUInt16(substring(digest, 7, 2))) AS d3,
      toUInt64(reinterpretAsUInt16(substring(digest, 9, 2))) AS d4,
      toUInt64(reinterpretAsUInt16(substring(digest, 11, 2))) AS d5,
      toUInt64(reinterpretAsUInt16(substring(digest, 13, 2))) AS d6,
      toUInt64(reinterpretAsUInt16(substring(digest, 15, 2))) AS d7
    FROM ({{digests}}) AS hashed
  ) AS words
) AS lanes

-- part: cells
WITH
  rounds AS (SELECT * FROM values('round UInt8, constant UInt64', {{rounds}})),
  tries AS (
    SELECT * FROM values(
      'class UInt8, round UInt8, byte UInt8, threshold UInt64, start UInt64, multiplier UInt64, shift UInt8',
      {{tries}}
    )
  ),
  identified AS ({{ids}}),
  -- check = mix(hi ^ k37 ^ mix(lo ^ k36)), and the word of the class, mix(lo ^ 31 × golden): step by step, since each
  -- step of a mix uses the one before it twice.
  m1 AS (SELECT lo, hi, bitXor(lo, {{k36}}) AS a, bitXor(lo, {{class}}) AS b FROM identified),
  m2 AS (SELECT lo, hi, bitAnd(bitXor(a, bitShiftRight(a, 16)) * 569420461, 4294967295) AS a, bitAnd(bitXor(b, bitShiftRight(b, 16)) * 569420461, 4294967295) AS b FROM m1),
  m3 AS (SELECT lo, hi, bitAnd(bitXor(a, bitShiftRight(a, 15)) * 1935289751, 4294967295) AS a, bitAnd(bitXor(b, bitShiftRight(b, 15)) * 1935289751, 4294967295) AS b FROM m2),
  m4 AS (SELECT lo, hi, bitXor(bitXor(hi, {{k37}}), bitXor(a, bitShiftRight(a, 15))) AS a, bitAnd(bitXor(b, bitShiftRight(b, 15)), 65535) AS word FROM m3),
  m5 AS (SELECT lo, hi, word, bitAnd(bitXor(a, bitShiftRight(a, 16)) * 569420461, 4294967295) AS a FROM m4),
  m6 AS (SELECT lo, hi, word, bitAnd(bitXor(a, bitShiftRight(a, 15)) * 1935289751, 4294967295) AS a FROM m5),
  checked AS (SELECT lo, hi, bitXor(a, bitShiftRight(a, 15)) AS "check", toUInt8(CASE {{classes}} ELSE 255 END) AS class FROM m6),
  -- For each round w = mix(lo ^ constant) and v = mix(hi ^ w).
  r1 AS (SELECT lo, hi, "check", class, round, bitXor(lo, constant) AS a FROM checked CROSS JOIN rounds),
  r2 AS (SELECT lo, hi, "check", class, round, bitAnd(bitXor(a, bitShiftRight(a, 16)) * 569420461, 4294967295) AS a FROM r1),
  r3 AS (SELECT lo, hi, "check", class, round, bitAnd(bitXor(a, bitShiftRight(a, 15)) * 1935289751, 4294967295) AS a FROM r2),
  r4 AS (SELECT lo, hi, "check", class, round, bitXor(a, bitShiftRight(a, 15)) AS w FROM r3),
  r5 AS (SELECT lo, hi, "check", class, round, bitAnd(w, 65535) AS level, bitXor(hi, w) AS a FROM r4),
  r6 AS (SELECT lo, hi, "check", class, round, level, bitAnd(bitXor(a, bitShiftRight(a, 16)) * 569420461, 4294967295) AS a FROM r5),
  r7 AS (SELECT lo, hi, "check", class, round, level, bitAnd(bitXor(a, bitShiftRight(a, 15)) * 1935289751, 4294967295) AS a FROM r6),
  r8 AS (SELECT lo, hi, "check", class, round, level, bitXor(a, bitShiftRight(a, 15)) AS v FROM r7),
  hits AS (
    SELECT lo, hi, "check", start + bitShiftRight(bitAnd(v * multiplier, 4294967295), shift) AS cell
    FROM r8 JOIN tries USING (class, round)
    WHERE CASE WHEN round < 4 THEN bitAnd(bitShiftRight(v, byte), 255) ELSE level END < threshold
  )
SELECT cell, groupBitXor(lo) AS lo, groupBitXor(hi) AS hi, groupBitXor("check") AS "check"
FROM hits
WHERE cell < {{size}}
GROUP BY cell
SETTINGS prefer_column_name_to_alias = 1

-- part: root
SELECT
  count() AS items,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 1, 4)))) % 4294967296 AS s0,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 5, 4)))) % 4294967296 AS s1,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 9, 4)))) % 4294967296 AS s2,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 13, 4)))) % 4294967296 AS s3,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 17, 4)))) % 4294967296 AS s4,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 21, 4)))) % 4294967296 AS s5,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 25, 4)))) % 4294967296 AS s6,
  sum(toUInt64(reinterpretAsUInt32(substring(digest, 29, 4)))) % 4294967296 AS s7
FROM ({{digests}}) AS hashed

-- part: find
SELECT lo, hi, hex(item) AS item
FROM ({{ids}}) AS identified JOIN (
  SELECT DISTINCT item, SHA256(item) AS digest FROM ({{items}}) AS source
) AS source USING (digest)
WHERE (lo, hi) IN ({{wanted}})
