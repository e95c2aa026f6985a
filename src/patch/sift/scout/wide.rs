//! Looks and sweeps with AVX-512.

use std::arch::x86_64::{
    __m512i, _bzhi_u64, _mm512_alignr_epi32, _mm512_alignr_epi64, _mm512_and_si512,
    _mm512_cmpeq_epi8_mask, _mm512_loadu_si512, _mm512_mask_cmpeq_epi8_mask,
    _mm512_mask_loadu_epi8, _mm512_mask_test_epi8_mask, _mm512_maskz_loadu_epi8, _mm512_min_epu8,
    _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_setzero_si512,
    _mm512_shldi_epi64, _mm512_ternarylogic_epi64, _mm512_test_epi8_mask,
};

use super::sweep::{Place, SWEEP_DIGIT, SWEEP_UPPER, Seen, ZERO};
use super::{
    AFTER_AMPERSAND, AFTER_BACKSLASH, AMPERSAND, BACKSLASH, BREAK, DIGIT, EQUALS, ESCAPE, FIRST,
    FOURTH_HIGH, HEX, INNER, LETTER, LOOK, Leads, MARK_CLASSES, Map, Marks, PERCENT, SECOND, Scout,
    THIRD, THIRD_LOW, UPPER,
};

/// A table of 128 bytes, in registers.
type Table = [__m512i; 2];

/// See [`Scout::look`]: of a text that starts where the look does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
pub(super) fn look(scout: &Scout, text: &[u8], inner: bool) -> Leads {
    let inside = _bzhi_u64(u64::MAX, text.len().min(LOOK) as u32);
    // SAFETY: only bytes of the text are read, those in the mask.
    let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().cast()) };
    let ascii = inside & !_mm512_movepi8_mask(bytes);
    let class = classify(load(&scout.classes), bytes);
    let test = |class, wanted: u8| {
        _mm512_mask_test_epi8_mask(ascii, class, _mm512_set1_epi8(wanted as i8))
    };
    // Not by `map`, into which this cannot be inlined.
    let letters = [
        test(class, FIRST),
        test(class, SECOND),
        test(class, THIRD),
        test(class, THIRD_LOW),
        test(class, FOURTH_HIGH),
        test(class, LETTER),
    ];
    let escapes = test(class, ESCAPE | if inner { INNER } else { 0 });
    let zero = _mm512_mask_cmpeq_epi8_mask(inside, bytes, _mm512_set1_epi8(b'A' as i8));
    let mut digits = [0; 2];
    if scout.folds_case {
        let class = classify(load(&scout.digit_classes), bytes);
        digits = [test(class, DIGIT), test(class, UPPER)];
    }
    scout.leads(letters, escapes, zero, digits, text.len())
}

/// See [`Scout::marks`]: of a text that starts where the look does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
pub(super) fn marks(text: &[u8], among: Map) -> Marks {
    let inside = _bzhi_u64(u64::MAX, text.len().min(LOOK) as u32);
    // SAFETY: only bytes of the text are read, those in the mask.
    let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().cast()) };
    let ascii = inside & !_mm512_movepi8_mask(bytes);
    let class = classify(load(&MARK_CLASSES), bytes);
    let test =
        |wanted: u8| _mm512_mask_test_epi8_mask(ascii, class, _mm512_set1_epi8(wanted as i8));
    let is =
        |byte: u8| _mm512_mask_cmpeq_epi8_mask(inside, bytes, _mm512_set1_epi8(byte as i8)) & among;
    let hex = test(HEX);
    let pair = hex >> 1 & hex >> 2;
    let (equals, breaks) = (test(EQUALS), test(BREAK));
    Marks {
        escapes: among
            & (test(PERCENT) & pair
                | test(BACKSLASH) & test(AFTER_BACKSLASH) >> 1
                | test(AMPERSAND) & test(AFTER_AMPERSAND) >> 1),
        plus: is(b'+'),
        equals: equals & among,
        quoted: equals & among & (pair | breaks >> 1),
        breaks: breaks & among,
        nuls: is(0),
    }
}

/// See [`Scout::seen`]. `FOLDS` if tokens come in either letter case.
///
/// For each byte there are bits that say whether it may be the end of a row of so many groups, and bits
/// that say other things. An intersection with what stands before exempts these.
// No call in the loop: all that it needs stays in registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2")]
pub(super) fn sweep<const FOLDS: bool>(
    scout: &Scout,
    texts: &[&[u8]],
    inner: bool,
    from: Place,
) -> Option<Seen> {
    const { assert!(SECOND == FIRST << 1) };
    let escape = ESCAPE | if inner { INNER } else { 0 };
    let row = SECOND | if scout.wide > 0 { ZERO } else { 0 };
    let is = |classes: u8| _mm512_set1_epi8(classes as i8);
    let exempt = |groups: usize, wide: usize| {
        is(escape
            | if scout.groups < groups { SECOND } else { 0 }
            | if scout.wide < wide { ZERO } else { 0 })
    };
    let exempts = [is(escape | ZERO), exempt(2, usize::MAX), exempt(4, 2), exempt(6, 3)];
    // The last character of ASCII has no class.
    let (wanted, classless) = (is(row | escape), is(0x7f));
    let (upper, both) = (is(SWEEP_UPPER), is(SWEEP_DIGIT | SWEEP_UPPER));
    // Of three bits, the first and one of the two others; and the majority.
    let and = |all, more, exempt| _mm512_ternarylogic_epi64::<0xe0>(all, more, exempt);
    let join = |one, other, by| _mm512_ternarylogic_epi64::<0xe8>(one, other, by);
    let table = load(&scout.sweep_classes);
    let mut first = from.at;
    for (number, text) in texts.iter().enumerate().skip(from.text) {
        let nothing = _mm512_setzero_si512();
        let (mut class_before, mut one_before, mut two_before) = (nothing, nothing, nothing);
        let mut digits_before = [nothing; 3];
        // What stands before the first byte counts, too.
        let mut at = first.saturating_sub(64);
        while at < text.len() {
            // SAFETY: only bytes of the text are read, of the last word those in the mask; `at` is within
            // the text.
            let bytes = unsafe {
                let from = text.as_ptr().add(at).cast::<i8>();
                if text.len() - at >= 64 {
                    _mm512_loadu_si512(from.cast())
                } else {
                    let inside = _bzhi_u64(u64::MAX, (text.len() - at) as u32);
                    _mm512_mask_loadu_epi8(classless, inside, from)
                }
            };
            // Neither has what is beyond ASCII any class.
            let bytes = _mm512_min_epu8(bytes, classless);
            let class = _mm512_permutex2var_epi8(table[0], bytes, table[1]);
            // A byte on, and a bit, which makes `FIRST` of what was before `SECOND`.
            let moved =
                _mm512_shldi_epi64::<9>(class, _mm512_alignr_epi64::<7>(class, class_before));
            let one = and(class, moved, exempts[0]);
            let two = and(one, _mm512_alignr_epi32::<15>(one, one_before), exempts[1]);
            let four = and(two, _mm512_alignr_epi32::<14>(two, two_before), exempts[2]);
            let six = and(four, _mm512_alignr_epi32::<12>(two, two_before), exempts[3]);
            let mut digits = 0;
            if FOLDS {
                let back = |now, before| _mm512_alignr_epi64::<7>(now, before);
                let x1 =
                    join(class, _mm512_shldi_epi64::<8>(class, back(class, class_before)), upper);
                let x2 = join(x1, _mm512_shldi_epi64::<16>(x1, back(x1, digits_before[0])), upper);
                let x4 = join(x2, _mm512_alignr_epi32::<15>(x2, digits_before[1]), upper);
                let x8 = join(x4, back(x4, digits_before[2]), upper);
                digits_before = [x1, x2, x4];
                let digit_row = match scout.digits_seen() {
                    16 => x8,
                    8 => x4,
                    _ => class,
                };
                digits = _mm512_cmpeq_epi8_mask(_mm512_and_si512(digit_row, both), both);
            }
            (class_before, one_before, two_before) = (class, one, two);
            if _mm512_test_epi8_mask(six, wanted) | digits != 0 && at >= first {
                let rows = digits | _mm512_test_epi8_mask(six, is(row));
                let escapes = _mm512_test_epi8_mask(six, is(escape));
                return Some(Seen { place: Place { text: number, at }, rows, escapes });
            }
            at += 64;
        }
        first = 0;
    }
    None
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(table: &[u8; 128]) -> Table {
    let (low, high) = table.split_at(64);
    // SAFETY: both read 64 bytes.
    unsafe { [_mm512_loadu_si512(low.as_ptr().cast()), _mm512_loadu_si512(high.as_ptr().cast())] }
}

/// What the table says of each byte; of those beyond ASCII, anything.
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi")]
fn classify([low, high]: Table, bytes: __m512i) -> __m512i {
    _mm512_permutex2var_epi8(low, bytes, high)
}
