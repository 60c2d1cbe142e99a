/**
 * How ids spread over cells. Items fall into classes; an item of a class with density `a` lies in cell i with
 * probability 1 / (1 + a·i), as in the irregular rateless IBLT of Yang, Gilad and Alizadeh (SIGCOMM 2024).
 * The tables are integers and part of the format (docs/format/sketch.md): they are not recomputed, so no
 * implementation needs `exp`, and none can differ in a last digit.
 */
export interface ProfileClass {
  /** A class word below this (and not below the class before) puts an item in the class; the last is 65536. */
  readonly below: number
  /** Cell i of the head (0…15) is hit when the item's byte for it is below `head[i]`. */
  readonly head: readonly number[]
  /** In each later block, slot j is a hit when the item's 16-bit word for that block is below `slots[j]`. */
  readonly slots: readonly number[]
}

export type ProfileName = 'general' | 'large'

export interface Profile {
  readonly name: ProfileName
  /** The number that stands for it in files. */
  readonly code: number
  readonly classes: readonly ProfileClass[]
}

/**
 * For any size of difference. 15 %: density 1/6, Poisson hits; 85 %: density 2/3, binomial (3) hits, whose
 * shorter tail at zero keeps the rare stuck decode away that a Poisson class of high density has.
 */
export const general: Profile = {
  name: 'general',
  code: 1,
  classes: [
    {
      below: 9830,
      head: [256, 219, 192, 171, 154, 140, 128, 118, 110, 102, 96, 90, 85, 81, 77, 73],
      slots: [64512, 60253, 51398, 39121, 26357, 15740, 8381, 4008, 1735, 685, 248, 83, 26, 7, 2, 1],
    },
    {
      below: 65536,
      head: [256, 154, 110, 85, 70, 59, 51, 45, 40, 37, 33, 31, 28, 26, 25, 23],
      slots: [47252, 18159, 2728],
    },
  ],
}

/**
 * For differences of ten thousand and more: fewest cells, at a third more work an item and with a longer tail
 * for small differences. 10 %: density 0.07, Poisson; 20 %: 1/4, Poisson; 70 %: 4/5, binomial (4).
 */
export const large: Profile = {
  name: 'large',
  code: 2,
  classes: [
    {
      below: 6554,
      head: [256, 239, 225, 212, 200, 190, 180, 172, 164, 157, 151, 145, 139, 134, 129, 125],
      slots: [
        65533, 65500, 65339, 64808, 63494, 60891, 56595, 50517, 42995, 34719, 26523, 19146, 13058, 8422, 5142,
        2977, 1637, 857, 427, 203, 93, 40, 17, 7, 3, 1,
      ],
    },
    {
      below: 19661,
      head: [256, 205, 171, 146, 128, 114, 102, 93, 85, 79, 73, 68, 64, 60, 57, 54],
      slots: [61440, 50083, 34340, 19790, 9705, 4112, 1528, 504, 149, 40, 10, 2],
    },
    {
      below: 65536,
      head: [256, 142, 98, 75, 61, 51, 44, 39, 35, 31, 28, 26, 24, 22, 21, 20],
      slots: [40853, 13554, 2231, 144],
    },
  ],
}

export const profiles: Readonly<Record<ProfileName, Profile>> = { general, large }

/** The profile that `code` stands for in a file; undefined when there is none. */
export function profileOfCode(code: number): Profile | undefined {
  return [general, large].find((profile) => profile.code === code)
}

/** Cells 0…15 are drawn one by one; from here on by blocks [2^k, 2^(k+1)). */
export const headCells = 16
export const headLog = 4

/**
 * Odd multipliers below 2^31: slot j of a block lies at the upper bits of (block word × slotMultipliers[j]).
 */
export const slotMultipliers: Int32Array = Int32Array.of(
  0x1,
  0x32312819,
  0x6ce03ccf,
  0x579b1709,
  0x3fd44489,
  0x62338d9d,
  0x78e97773,
  0x433d2015,
  0x51bb923b,
  0x771f4317,
  0x44661b39,
  0x16f257db,
  0x3f3c2fd1,
  0x4c8f13ed,
  0x4028e3fb,
  0x5862031b,
  0x77b67e55,
  0x554c0b51,
  0x5e515049,
  0x53073ff9,
  0x288d08cf,
  0x2d1d5969,
  0x1cf67dbf,
  0x3bf671b1,
  0x712fb2e7,
  0x7b55d85b,
)

/** Most cells a sketch may have: 2^24, 192 MiB, enough for ten million differences. */
export const maxCells: number = 2 ** 24
