//! Optimisers at every level against the f64 reference over many steps, and
//! both against steps worked out by hand.

use super::*;
use crate::reference::optimizer as reference;
use crate::{Level, Mat};

/// The usual ones, and the forms that no preset has.
fn optimizers() -> impl Iterator<Item = Optimizer> {
    let mut more = Vec::new();
    for name in [
        "rmsprop:0.8",
        "rmsprop-centered",
        "rmsprop-centered-pytorch:0.8",
        "rmsprop-centered-keras2",
        "adamw:0.5",
    ] {
        more.push(name.parse().unwrap());
    }
    Optimizer::ALL.into_iter().chain(more)
}

/// A gradient that depends on the element and the step, of several magnitudes
/// and both signs.
fn gradient(i: usize, step: u64) -> f32 {
    let phase = i as f32 * 1.7 + step as f32 * 0.9;
    phase.sin() * 10f32.powi((i % 7) as i32 - 4)
}

#[test]
fn trajectories_match_the_reference() {
    for &level in Level::available() {
        for optimizer in optimizers() {
            for len in [0, 1, 7, 8, 15, 16, 17, 100] {
                let mut state = OptimizerState::new(optimizer, 1, len).unwrap();
                let mut weight: Vec<f32> = (0..len).map(|i| (i as f32 * 0.3).cos()).collect();
                let mut want: Vec<f64> = weight.iter().map(|&w| w.into()).collect();
                let mut want_state = vec![[0.0; 3]; len];
                let mut largest = vec![1.0f64; len];
                let mut largest_state = vec![[0.0f64; 3]; len];
                let learning_rate = 0.01;
                for step in 1..=30 {
                    let g: Vec<f32> = (0..len).map(|i| gradient(i, step)).collect();
                    update(
                        level,
                        optimizer,
                        learning_rate,
                        step,
                        &mut weight,
                        &g,
                        &mut state,
                    )
                    .unwrap();
                    for i in 0..len {
                        want[i] = reference::update(
                            optimizer,
                            learning_rate.into(),
                            step,
                            want[i],
                            g[i].into(),
                            &mut want_state[i],
                        );
                        largest[i] = largest[i].max(want[i].abs());
                        let error = (f64::from(weight[i]) - want[i]).abs();
                        // A centered variance may cancel almost to nothing.
                        let tolerance = match optimizer {
                            Optimizer::RmsProp { centered: true, .. } => 2e-4,
                            _ => 2e-6,
                        };
                        assert!(
                            error <= tolerance * largest[i],
                            "{optimizer} at {level}, element {i} of {len}, step {step}: \
                             {}, expected {}",
                            weight[i],
                            want[i]
                        );
                        for (slot, (matrix, want)) in
                            state.slots().iter().zip(want_state[i]).enumerate()
                        {
                            // b, the momentum behind a centered variance, is
                            // seen in the weight.
                            if slot == 2 {
                                continue;
                            }
                            // Relative to the largest so far: signs alternate.
                            let largest = &mut largest_state[i][slot];
                            *largest = largest.max(want.abs());
                            let got = f64::from(matrix.as_slice()[i]);
                            let tolerance = 2e-5 * *largest;
                            assert!(
                                (got - want).abs() <= tolerance,
                                "{optimizer} at {level}, slot {slot}, element {i}: {got}, {want}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Weight 1, learning rate 0.1, gradients 0.5 and −0.25: the weight after each
/// of the two steps.
#[test]
fn two_steps_worked_out_by_hand() {
    let cases: &[(&str, [f64; 2])] = &[
        // 1 − 0.05; + 0.025
        ("sgd", [0.95, 0.975]),
        // v = −0.05; v = −0.045 + 0.025 = −0.02
        ("sgd:0.9", [0.95, 0.93]),
        // w = 1 − 0.045 − 0.05; v = −0.02: w − 0.018 + 0.025
        ("sgd-nesterov:0.9", [0.905, 0.912]),
        // v = 0.5; v = 0.45 − 0.25 = 0.2
        ("sgd-pytorch:0.9", [0.95, 0.93]),
        // w − 0.1·(0.5 + 0.45); w − 0.1·(−0.25 + 0.18)
        ("sgd-nesterov-pytorch:0.9", [0.905, 0.912]),
        // The first step is the learning rate (ε is far below √v = 0.0158).
        // Then m = 0.045 − 0.025 = 0.02, v = 2.4975e-4 + 6.25e-5 = 3.1225e-4,
        // m̂ = 0.02/0.19 = 0.10526316, v̂ = 3.1225e-4/0.001999 = 0.15620310:
        // w − 0.1·0.10526316/0.39522538 = w − 0.02663370.
        ("adam", [0.900_000_63, 0.873_367_1]),
        ("adam-pytorch", [0.9, 0.873_366_3]),
        // As Adam, after w·(1 − 0.1·0.01): 0.999 − 0.1; 0.899·0.999 − 0.0266337.
        ("adamw-pytorch", [0.899, 0.871_467_3]),
        // As Keras' Adam, after w·(1 − 0.1·0.004): 0.9996 − 0.1 + 6e-7.
        ("adamw", [0.899_600_63, 0.872_607_3]),
        // v = 0.05·0.25 = 0.0125, Δ = √(1e-7/0.0125001)·0.5 = 0.00141421,
        // d = 0.05·Δ² = 9.99992e-8; v = 0.011875 + 0.003125 = 0.015,
        // Δ = −√(1.999992e-7/0.0150001)·0.25 = −0.000912865.
        ("adadelta", [0.999_858_58, 0.999_949_87]),
        ("adadelta-keras2", [0.999_858_58, 0.999_949_87]),
        // v = 0.025, Δ = √(1e-6/0.025001)·0.5 = 0.00316221, d = 9.9996e-7;
        // v = 0.0225 + 0.00625 = 0.02875, Δ = −√(1.99996e-6/0.028751)·0.25
        // = −0.00208508.
        ("adadelta-pytorch", [0.999_683_78, 0.999_892_29]),
        // v = 0.025: 0.05/√0.0250001 = 0.316227; v = 0.02875:
        // −0.025/√0.0287501 = −0.147442.
        ("rmsprop", [0.683_772_9, 0.831_214_5]),
        ("rmsprop-keras2", [0.683_772_4, 0.831_214_2]),
        // v = 0.0025: 0.05/0.05 = 1; v = 0.002475 + 0.000625 = 0.0031:
        // −0.025/0.0556776 = −0.449013.
        ("rmsprop-pytorch", [0.000_000_2, 0.449_013_3]),
        // The same u; b = 0.316227, then 0.158113 − 0.147442 = 0.010672.
        ("rmsprop:0.5", [0.683_772_9, 0.673_100_7]),
        // v = 0.025, a = 0.05: variance 0.0225, 0.05/0.15 = 0.333333; v =
        // 0.02875, a = 0.045 − 0.025 = 0.02: variance 0.02835,
        // −0.025/0.1683746 = −0.148478.
        ("rmsprop-centered-keras2", [0.666_666_9, 0.815_145_4]),
    ];
    for (name, want) in cases {
        let optimizer: Optimizer = name.parse().unwrap();
        for &level in Level::available() {
            let mut state = OptimizerState::new(optimizer, 1, 1).unwrap();
            let mut weight = [1.0];
            let mut weight64 = 1.0;
            let mut state64 = [0.0; 3];
            for (step, gradient, want) in [(1, 0.5, want[0]), (2, -0.25, want[1])] {
                update(
                    level,
                    optimizer,
                    0.1,
                    step,
                    &mut weight,
                    &[gradient],
                    &mut state,
                )
                .unwrap();
                let g = f64::from(gradient);
                weight64 = reference::update(optimizer, 0.1, step, weight64, g, &mut state64);
                for got in [f64::from(weight[0]), weight64] {
                    assert!(
                        (got - want).abs() < 4e-7,
                        "{name} at {level}, step {step}: {got}, expected {want}"
                    );
                }
            }
        }
    }
}

#[test]
fn momentum_conventions_differ_when_the_learning_rate_changes() {
    // Keras: v = −0.1, then −0.05. PyTorch: v = 1, then 0.5, times −0.01.
    for (optimizer, want) in [
        (Optimizer::momentum(0.5), 0.85),
        (Optimizer::momentum_pytorch(0.5), 0.895),
    ] {
        for &level in Level::available() {
            let mut state = OptimizerState::new(optimizer, 1, 1).unwrap();
            let mut weight = [1.0];
            for (step, learning_rate, gradient) in [(1, 0.1, 1.0), (2, 0.01, 0.0)] {
                update(
                    level,
                    optimizer,
                    learning_rate,
                    step,
                    &mut weight,
                    &[gradient],
                    &mut state,
                )
                .unwrap();
            }
            assert!(
                (weight[0] - want).abs() < 1e-6,
                "{optimizer}: {}",
                weight[0]
            );
        }
    }
}

/// The bits of an element depend neither on its place nor on its neighbours:
/// what a kernel that updates tiles relies on.
#[test]
fn elements_are_independent_of_their_place() {
    for &level in Level::available() {
        for optimizer in optimizers() {
            let run = |range: std::ops::Range<usize>| {
                let mut state = OptimizerState::new(optimizer, 1, range.len()).unwrap();
                let mut weight: Vec<f32> = range.clone().map(|i| i as f32).collect();
                for step in 1..=3 {
                    let g: Vec<f32> = range.clone().map(|i| gradient(i, step)).collect();
                    update(level, optimizer, 0.1, step, &mut weight, &g, &mut state).unwrap();
                }
                weight
            };
            let whole = run(0..50);
            for range in [0..50, 3..4, 5..22, 17..50] {
                assert_eq!(run(range.clone()), whole[range], "{optimizer} at {level}");
            }
        }
    }
}

#[test]
fn nan_and_infinity_reach_only_their_own_weight() {
    for &level in Level::available() {
        for optimizer in optimizers() {
            let mut state = OptimizerState::new(optimizer, 1, 19).unwrap();
            let mut weight = [1.0; 19];
            let mut g = [0.0; 19];
            g[17] = f32::NAN;
            update(level, optimizer, 0.1, 1, &mut weight, &g, &mut state).unwrap();
            for (i, w) in weight.into_iter().enumerate() {
                assert_eq!(w.is_nan(), i == 17, "{optimizer} at {level}: {w}");
            }
        }
    }
}

#[test]
fn state_is_as_large_as_its_names_say() {
    for optimizer in optimizers() {
        let state = OptimizerState::new(optimizer, 3, 5).unwrap();
        assert_eq!(state.slots().len(), optimizer.state_slots());
        assert_eq!(state.slots().len(), optimizer.state_names().len());
        assert!(state.slots().iter().all(|slot| slot.shape() == (3, 5)));

        struct Slots;
        impl UpdateVisitor for Slots {
            type Output = usize;
            fn visit<U: ElementwiseUpdate>(self, _: U) -> usize {
                U::SLOTS
            }
        }
        assert_eq!(optimizer.visit(0.1, 1, Slots), optimizer.state_slots());
    }
}

#[test]
fn bad_arguments_are_errors() {
    let adam = Optimizer::adam_keras();
    let run = |optimizer, step, weights: usize, gradients: usize, state: &mut OptimizerState| {
        let (mut w, g) = (vec![1.0; weights], vec![1.0; gradients]);
        update(Level::Portable, optimizer, 0.1, step, &mut w, &g, state)
    };
    let mut state = OptimizerState::new(adam, 2, 3).unwrap();
    assert_eq!(run(adam, 1, 6, 6, &mut state), Ok(()));
    assert!(run(adam, 0, 6, 6, &mut state).is_err());
    assert!(run(adam, 1, 6, 5, &mut state).is_err());
    assert!(run(adam, 1, 5, 5, &mut state).is_err());
    assert!(run(Optimizer::sgd(), 1, 6, 6, &mut state).is_err());
    for bad in [
        Optimizer::momentum(1.0),
        Optimizer::momentum(f64::NAN),
        "adam"
            .parse()
            .map(|mut adam| {
                if let Optimizer::Adam { epsilon, .. } = &mut adam {
                    *epsilon = 0.0;
                }
                adam
            })
            .unwrap(),
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
    assert!(OptimizerState::new(adam, usize::MAX, 2).is_err());
    let _: &[Mat<f32>] = state.slots_mut();
}

#[test]
fn names_come_back() {
    for optimizer in optimizers() {
        assert_eq!(optimizer.to_string().parse(), Ok(optimizer), "{optimizer}");
    }
    let parse = |name: &str| name.parse::<Optimizer>();
    assert_eq!(parse("adam"), Ok(Optimizer::adam_keras()));
    assert_eq!(parse(" Adam-Keras "), Ok(Optimizer::adam_keras()));
    assert_eq!(parse("adadelta-keras3"), Ok(Optimizer::adadelta_keras3()));
    assert_eq!(parse("sgd-nesterov"), Ok(Optimizer::nesterov(0.9)));
    let sharp = Optimizer::AdamW {
        beta1: 0.8,
        beta2: 0.999,
        epsilon: 1e-9,
        weight_decay: 0.1,
        convention: Convention::Keras,
    };
    assert_eq!(sharp.to_string(), "adamw:0.1,beta1=0.8,epsilon=0.000000001");
    assert_eq!(parse(&sharp.to_string()), Ok(sharp));
    let slow = "adadelta:rho=0.99,epsilon=1e-6";
    assert_eq!(parse(slow).unwrap().to_string().parse(), parse(slow));
    for bad in [
        "",
        "sgd:1.5",
        "sgd:",
        "adam:0.9",
        "adamw:-1",
        "adam-tf",
        "lion",
        "adam:beta1=1",
        "adam:rho=0.9",
        "adam:beta1",
        "sgd:0.9,",
    ] {
        let message = parse(bad).unwrap_err().to_string();
        assert!(message.contains("expected"), "{message}");
    }
    let rates = Optimizer::ALL.map(Optimizer::default_learning_rate);
    assert_eq!(rates[9..12], [0.001, 1.0, 1.0], "Adadelta's");
}
