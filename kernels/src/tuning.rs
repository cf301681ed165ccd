//! Every number that was chosen by measurement, with the measurement.

/// Longest run of products (K) that one register tile adds up before it is
/// written out. Longer sums are cut into equal parts.
pub(crate) const MAX_K: usize = 1024;

/// Rows and columns of the block of C that one pass over K completes; bounds
/// the workspace for packed operands, partial sums and lists of steps.
pub(crate) const BLOCK_ROWS: usize = 1920;
pub(crate) const BLOCK_COLS: usize = 2048;

/// Floating-point operations of one parallel task of a GEMM, at least: 2.5 µs.
/// (With 1.5 million, 256×128×64 has two tasks, which take 10 % longer.)
pub(crate) const TASK_FLOPS: usize = 500_000;

/// B is packed where it is read by at least this many rows of tiles and its
/// rows lie further apart than this many elements: a panel then streams from
/// neighbouring lines. (256×512×512 without packing is 8 % faster with one
/// thread, 7 % with two; 256×784×128 and 256×128×64 are 12 % and 10 % with two,
/// which waited for one of them to pack.)
pub(crate) const PACK_B_TILE_ROWS: usize = 8;
pub(crate) const PACK_B_STRIDE: usize = 512;
/// And where sums are longer than this.
pub(crate) const PACK_B_K: usize = 64;

/// A is packed where it is read by at least this many columns of tiles and
/// has at least [`PACK_A_BYTES`]: less than that stays in L2 whatever its strides.
pub(crate) const PACK_A_TILE_COLS: usize = 8;
pub(crate) const PACK_A_BYTES: usize = 1 << 20;

/// And whose p are no neighbours in memory; or whose rows lie a multiple of so many
/// bytes apart: twelve of them, as a tile has at AVX-512, then share one set of the L1
/// cache, and push each other out. (1024³, whose rows are copied to others, has 7 % more than with panels
/// \[p\]\[i\]; where they lie as they are, 1000³ has 2 % more than with copies,
/// 1024×512×1024, 2 KB apart, 4 to 5 %.)
pub(crate) const PACK_A_ALIAS: usize = 4096;

/// Columns left over by whole vectors, at most, that are computed with the rows
/// along the lanes, and rows of C from which that pays. (257×785×33 takes 0.73 of
/// the time of a tile for its last column, 1000×784×1 0.37, 1000×784×2 0.42;
/// 256×784×36 takes 1.05, 17×1000×17 1.6.)
pub(crate) const NARROW: usize = 2;
pub(crate) const NARROW_ROWS: usize = 32;

/// Parallel tasks of one region, at most, unless its rows of A need more.
pub(crate) const MAX_TASKS: usize = 64;

/// Products with zeros of A are looked for, where that is allowed, if at least one
/// in so many elements of a sample of A is 0.
pub(crate) const SKIP_ZEROS: usize = 4;

/// Rows of a tile that share a list of the products that are not with zeros: at
/// levels with 16 registers, and with 32. Fewer rows leave out more, and need more
/// lists. (A step of 784-32-784 with lists of 12, 6, 4 and 3 rows at AVX-512: 1, 0.96,
/// 0.97, 0.99; of 784-128-64-128-784: 1, 0.97, 0.96, 0.98. At AVX2, where a tile has
/// six rows, 784-32-784 with lists of 3 takes 1.04.)
pub(crate) const LIST_ROWS: [usize; 2] = [6, 4];

/// Rows of A of one task, in bytes: they stay in L2 while B's panels pass.
pub(crate) const A_BLOCK_BYTES: usize = 384 << 10;

/// Tiles side by side, at most, of those that wait for a wide operation; twice as many
/// in all, 24 KB at AVX-512. (Gradient and update of 784×128 and of 512×512 by Adam, with
/// four tiles below each other: 1.05 and 1.05 to 1.08 of the time, since the CPU fetches
/// the lines behind them, too, in vain; 1.11 and 1.15 to 1.17 if each tile's lines are
/// asked for ahead of its product as well. With 16 side by side 512×512 takes 0.94 to
/// 0.97, 784×128 the same; 128×784 had 0.97 to 1.05.)
pub(crate) const WIDE_TILES: usize = 8;

/// Bytes of a weight and its optimiser's state from which an update is wide. With less
/// they are still in L2.
pub(crate) const WIDE_UPDATE_BYTES: usize = 512 << 10;

/// Bytes of what another epilogue reads and writes from which it is wide, if its rows
/// lie a multiple of so many bytes apart: the 48 rows of a tall panel, at AVX-512, then
/// share 8 of the 64 sets of L1 for each of their two lines. (σ′ behind 1024×128×1024
/// takes 0.87 of the time, behind 512×128×512 0.89, behind 10 000×128×784, whose rows
/// share no set, 1.02.)
pub(crate) const WIDE_BYTES: usize = 256 << 10;
pub(crate) const WIDE_ALIAS: usize = 512;

/// Bytes of A from which the beginnings of its rows are fetched one tile ahead.
pub(crate) const PREFETCH_BYTES: usize = 512 << 10;

/// Elements at the beginning of such a row that are fetched: the CPU's own prefetcher
/// goes on from there.
pub(crate) const PREFETCH_START: usize = 64;

/// The price of an element that is packed, and of one that is transposed, 8 bytes
/// of traffic, in operations.
pub(crate) const PACK_FLOPS: usize = 16;
pub(crate) const TRANSPOSE_FLOPS: usize = 8;

/// The price of an element of panels, which another thread may have written just
/// before, and rows of them that are one task. (784-32-784 on two threads: Wᵀ takes
/// 3.9 µs by one, 2.2 µs by both; the price lets that pass, and nothing smaller was
/// measured.)
pub(crate) const PANEL_FLOPS: usize = 40;
pub(crate) const PANEL_ROWS: usize = 128;

/// Rows of which an epilogue makes each operation before the next: at levels with
/// 16 registers, and with 32. A result of the loss is a chain of 75 cycles, and the
/// CPU finds only so many others in the instructions that it has in sight. (Zen 5,
/// sigmoid and binary cross-entropy, cycles a vector: 11.5 by single rows, 10.6 by
/// two, 9.7 by four, 8.9 by six, 8.9 by eight with spills at AVX-512; at AVX2, 14.9
/// by single rows, 13.3 by three.)
pub(crate) const ROWS_AT_ONCE: [usize; 2] = [3, 6];
