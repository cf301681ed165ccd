//! Every function of one `f32`, at every level, against f64: the error is
//! within the published bound, and the table of `ACCURACY.md` is true.
//!
//! `cargo test --release -p autoencoder-kernels --test accuracy -- --ignored --nocapture`
//! goes through all 2³² numbers on all cores and prints that table; with
//! `ACCURACY_STRIDE=1024` before it, through every 1024th; with `ACCURACY_OF=gelu`,
//! only of what has that in its name.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder_kernels::activation::{self, Activation, Saves};
use autoencoder_kernels::math::Function;
use autoencoder_kernels::reference::activation as reference;
use autoencoder_kernels::reference::math::{self as reference_math, error_in_ulp};
use autoencoder_kernels::{Level, MatMut, MatRef};

/// The table that the docs have.
const TABLE: &str = include_str!("../ACCURACY.md");

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Function(Function),
    Activation(Activation),
    /// act′ as a function of what the activation saves.
    Derivative(Activation),
}

impl Subject {
    fn all() -> Vec<Subject> {
        let functions = Function::ALL.into_iter().map(Subject::Function);
        let elementwise = || Activation::ALL.into_iter().filter(|a| a.is_elementwise());
        functions
            .chain(elementwise().map(Subject::Activation))
            .chain(elementwise().map(Subject::Derivative))
            .collect()
    }

    fn name(self) -> String {
        match self {
            Subject::Function(function) => format!("`{function:?}`"),
            Subject::Activation(activation) => format!("`{activation}`"),
            Subject::Derivative(activation) => format!("`{activation}`′"),
        }
    }

    fn bound(self) -> f32 {
        match self {
            Subject::Function(function) => function.max_ulp(),
            Subject::Activation(activation) => activation.max_ulp().expect("it is elementwise"),
            Subject::Derivative(activation) => {
                activation.derivative_max_ulp().expect("it is elementwise")
            }
        }
    }

    /// The unit is the spacing at the result, or at this if that is larger.
    fn at_least(self) -> f64 {
        match self {
            Subject::Function(_) => 0.0,
            Subject::Activation(Activation::Gelu | Activation::GeluTanh | Activation::Silu) => {
                f64::from(Activation::SMALL)
            }
            Subject::Activation(_) => 0.0,
            Subject::Derivative(_) => 1.0,
        }
    }

    /// The arguments that the bound is for; NaN beside them, but not for a
    /// derivative.
    fn domain(self) -> RangeInclusive<f32> {
        let all = f32::NEG_INFINITY..=f32::INFINITY;
        let Subject::Derivative(activation) = self else {
            return all;
        };
        match activation {
            Activation::Relu | Activation::Softplus => 0.0..=f32::INFINITY,
            Activation::Elu { alpha } => -alpha..=f32::INFINITY,
            Activation::Selu => -1.758_099_3..=f32::INFINITY,
            Activation::Sigmoid => 0.0..=1.0,
            Activation::Tanh => -1.0..=1.0,
            _ => all,
        }
    }

    fn reference(self, x: f32) -> f64 {
        // A stand-in for ±∞, of which f64 would make ∞·0.
        let finite = f64::from(x).clamp(-1e300, 1e300);
        match self {
            Subject::Function(function) => reference_math::apply(function, f64::from(x)),
            Subject::Activation(activation) => reference::apply(activation, finite),
            Subject::Derivative(activation) => {
                let limit = match activation.saves() {
                    Saves::Input => 1e30,
                    Saves::Output => f64::INFINITY,
                };
                reference::derivative_of_saved(activation, finite.clamp(-limit, limit))
            }
        }
    }

    fn apply(self, level: Level, from: &[f32], to: &mut [f32]) {
        match self {
            Subject::Function(function) => {
                // What is not written stands out.
                to.fill(f32::NAN);
                function.apply(level, from, to)
            }
            Subject::Activation(activation) => {
                to.fill(f32::NAN);
                activation::forward(level, activation, row(from), row_mut(to))
            }
            Subject::Derivative(activation) => {
                to.fill(1.0);
                activation::backward(level, activation, row(from), row_mut(to))
            }
        }
        .expect("the lengths agree");
    }
}

fn row(data: &[f32]) -> MatRef<'_, f32> {
    MatRef::new(data, 1, data.len()).expect("one row")
}

fn row_mut(data: &mut [f32]) -> MatMut<'_, f32> {
    let len = data.len();
    MatMut::new(data, 1, len).expect("one row")
}

/// The largest error that was seen at a level, and where.
#[derive(Clone, Copy, Debug)]
struct Worst {
    level: Level,
    ulp: f64,
    x: f32,
}

/// The largest errors at each level, and room for some thousand arguments.
struct Measurement {
    subject: Subject,
    worst: Vec<Worst>,
    x: Vec<f32>,
    want: Vec<f64>,
    got: Vec<f32>,
}

impl Measurement {
    fn new(subject: Subject) -> Self {
        let none = |&level| Worst {
            level,
            ulp: 0.0,
            x: 0.0,
        };
        Measurement {
            subject,
            worst: Level::available().iter().map(none).collect(),
            x: Vec::new(),
            want: Vec::new(),
            got: Vec::new(),
        }
    }

    fn add(&mut self, arguments: impl Iterator<Item = f32>) {
        let (subject, domain) = (self.subject, self.subject.domain());
        let nan = !matches!(subject, Subject::Derivative(_));
        self.x.clear();
        self.x
            .extend(arguments.filter(|x| domain.contains(x) || (nan && x.is_nan())));
        if self.x.is_empty() {
            return;
        }
        self.want.clear();
        self.want
            .extend(self.x.iter().map(|&x| subject.reference(x)));
        self.got.resize(self.x.len(), 0.0);
        let at_least = subject.at_least();
        for worst in &mut self.worst {
            subject.apply(worst.level, &self.x, &mut self.got);
            let error = |(&got, &want): (&f32, &f64)| error_in_ulp(got, want, at_least);
            let errors = || self.got.iter().zip(&self.want).map(error);
            // Without the place first, which is faster.
            if errors().fold(0.0, f64::max) > worst.ulp {
                for (&x, ulp) in self.x.iter().zip(errors()) {
                    if ulp > worst.ulp {
                        *worst = Worst { ulp, x, ..*worst };
                    }
                }
            }
        }
    }

    fn check(&self) {
        let bound = f64::from(self.subject.bound());
        for Worst { level, ulp, x } in &self.worst {
            let name = self.subject.name();
            assert!(
                *ulp <= bound,
                "{name} at {level}: {ulp} ULP for x = {x:e}, not {bound}"
            );
        }
    }
}

/// Every `stride`th number, a different one of each run of them, on all cores.
fn sweep(subject: Subject, stride: u64) -> Measurement {
    const CHUNK: u64 = 1 << 12;
    let count = (1 << 32) / stride;
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let next = AtomicU64::new(0);
    let work = || {
        let mut measurement = Measurement::new(subject);
        loop {
            let start = next.fetch_add(1, Ordering::Relaxed) * CHUNK;
            if start >= count {
                return measurement;
            }
            let numbers = start..count.min(start + CHUNK);
            // So that not all mantissas end with zeros.
            let bits = |i: u64| i * stride + i * 37 % stride;
            measurement.add(numbers.map(|i| f32::from_bits(bits(i) as u32)));
        }
    };
    let mut all = Measurement::new(subject);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let part = worker.join().expect("no worker panics");
            for (worst, other) in all.worst.iter_mut().zip(part.worst) {
                // Of equals the one found first on one thread, too.
                let first = other.ulp == worst.ulp && other.x.to_bits() < worst.x.to_bits();
                if other.ulp > worst.ulp || first {
                    *worst = other;
                }
            }
        }
    });
    all
}

#[test]
fn every_8192th_number_is_within_the_bound() {
    for subject in Subject::all() {
        sweep(subject, 1 << 13).check();
    }
}

/// With parameters that are not the usual ones.
#[test]
fn parameters_do_not_change_the_bound() {
    for activation in [
        Activation::LeakyRelu { slope: 0.0 },
        Activation::LeakyRelu { slope: 0.3 },
        Activation::Elu { alpha: 0.0 },
        Activation::Elu { alpha: 0.7 },
        Activation::Elu { alpha: 1.4 },
        Activation::Elu { alpha: 2.5 },
    ] {
        sweep(Subject::Activation(activation), 1 << 13).check();
        sweep(Subject::Derivative(activation), 1 << 13).check();
    }
}

#[test]
fn neighbours_of_special_points_are_within_the_bound() {
    // Zero, limits of the polynomials and of the reductions, under- and
    // overflow of each function.
    let mut points = vec![
        0.0,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        0.5,
        1.0,
        1.5,
        2.0,
        4.0,
    ];
    points.extend([
        0.346_573_6,
        std::f32::consts::LN_2,
        1.039_720_8,
        std::f32::consts::SQRT_2,
        0.707_106_77,
    ]);
    points.extend([
        17.3, 20.0, 14.6, 14.17, 13.2, 87.3, 88.37, 88.72, 89.0, 103.28, 103.97, 104.0, 110.0,
    ]);
    points.extend((-30..30).map(|e| (e as f32).exp2()));
    for subject in Subject::all() {
        let mut measurement = Measurement::new(subject);
        for point in points.iter().flat_map(|&x: &f32| [x, -x]) {
            let near = |d| f32::from_bits(point.to_bits().wrapping_add_signed(d));
            measurement.add((-500i32..=500).map(near));
        }
        measurement.check();
    }
}

/// The cells of a row: the name without its first character, the bound, the
/// levels.
fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix("| `")?;
    Some(line.split('|').map(str::trim).collect())
}

#[test]
fn the_published_table_has_every_function_with_the_bound_that_is_tested() {
    let rows: Vec<Vec<&str>> = TABLE.lines().filter_map(cells).collect();
    let subjects = Subject::all();
    assert_eq!(rows.len(), subjects.len());
    for (row, subject) in rows.iter().zip(subjects) {
        let name = subject.name();
        assert_eq!(format!("`{}", row[0]), name);
        assert_eq!(row[1].parse(), Ok(subject.bound()), "{name}");
        for cell in &row[2..2 + Level::ALL.len()] {
            let measured = cell.split(' ').next().expect("the error, then where");
            let measured: f32 = measured.parse().expect("a number");
            assert!(measured <= subject.bound(), "{name}: {cell}");
        }
    }
}

#[test]
#[ignore = "all 2³² numbers through every function: most of an hour on two cores"]
fn every_number_is_within_the_bound() {
    let stride = match std::env::var("ACCURACY_STRIDE") {
        Ok(stride) => stride.parse().expect("ACCURACY_STRIDE is a number"),
        Err(_) => 1,
    };
    print!("| function | bound |");
    for level in Level::available() {
        print!(" {level} |");
    }
    println!("\n|---|---|{}", "---|".repeat(Level::available().len()));
    let wanted = std::env::var("ACCURACY_OF").unwrap_or_default();
    let mut measurements = Vec::new();
    for subject in Subject::all() {
        if !subject.name().contains(&wanted) {
            continue;
        }
        let measurement = sweep(subject, stride);
        print!("| {} | {} |", subject.name(), subject.bound());
        for Worst { ulp, x, .. } in &measurement.worst {
            if *ulp == 0.0 {
                print!(" 0 |");
            } else {
                print!(" {ulp:.3} at {x:e} |");
            }
        }
        println!();
        measurements.push(measurement);
    }
    measurements.iter().for_each(Measurement::check);
}
