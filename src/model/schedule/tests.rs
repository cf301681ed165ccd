//! Factors worked out by hand, and texts there and back.

use super::*;

fn factors(schedule: &str, epochs: u32) -> Vec<f64> {
    let rule = schedule.parse::<Schedule>().unwrap().start(epochs);
    (1..=epochs).map(|epoch| rule.factor(epoch)).collect()
}

fn assert_near(given: &[f64], expected: &[f64]) {
    assert_eq!(given.len(), expected.len());
    for (a, b) in given.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{given:?} {expected:?}");
    }
}

#[test]
fn factors_are_those_of_the_formulas() {
    assert_near(&factors("constant", 3), &[1.0; 3]);
    assert_near(&factors("step:2:0.5", 6), &[1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    assert_near(&factors("step:1", 3), &[1.0, 0.1, 0.01]);
    // cos 0, cos π/4, cos π/2, cos 3π/4.
    let half = 0.5f64.sqrt() / 2.0;
    assert_near(&factors("cosine", 4), &[1.0, 0.5 + half, 0.5, 0.5 - half]);
    assert_near(&factors("cosine:0.2:2", 4), &[1.0, 0.6, 0.2, 0.2]);
}

/// What Keras' `ReduceLROnPlateau(patience=2, factor=0.5)` does, by hand.
#[test]
fn a_plateau_counts_epochs_without_improvement() {
    let mut rule = "plateau:2:0.5".parse::<Schedule>().unwrap().start(50);
    let mut seen = Vec::new();
    for loss in [1.0, 0.9, 0.89995, 0.95, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9] {
        seen.push(rule.factor(1));
        rule.observe(loss);
    }
    let expected = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125];
    assert_eq!(seen, expected);
}

#[test]
fn texts_come_back() {
    for (given, whole) in [
        ("constant", "constant"),
        ("step:10", "step:10:0.1"),
        (" step:3:0.25 ", "step:3:0.25"),
        ("cosine", "cosine:0"),
        ("cosine:0.1:36", "cosine:0.1:36"),
        ("plateau", "plateau:10:0.1"),
        ("plateau:5", "plateau:5:0.1"),
    ] {
        let schedule: Schedule = given.parse().unwrap();
        assert_eq!(schedule.to_string(), whole);
        assert_eq!(whole.parse::<Schedule>().unwrap(), schedule);
    }
    for bad in [
        "",
        "linear",
        "step",
        "step:0",
        "step:2:0",
        "step:2:1.5",
        "step:2:nan",
        "step:-1",
        "step:2:0.5:3",
        "constant:1",
        "cosine:-0.1",
        "cosine:0:0",
        "cosine:",
        "plateau:0",
        "plateau:3:0",
    ] {
        assert!(bad.parse::<Schedule>().is_err(), "{bad}");
    }
}
