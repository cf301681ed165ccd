//! [`ParameterSpec`]: an array of numbers that training changes.

/// One array of numbers of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Its name in a file, behind that of the layer: `weight`, `bias`.
    pub name: &'static str,
    /// Rows and columns in memory; a vector has one row.
    pub shape: (usize, usize),
    /// Whether it is a vector: a bias or a scale. Weight decay leaves these alone.
    pub is_vector: bool,
    /// The numbers before training.
    pub initial: Initial,
    /// Whether a tied decoder uses the encoder's, transposed, in place of its own.
    pub is_tied: bool,
}

/// The numbers of a parameter before training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Uniform in [−l, l) with l = √(6/(fan_in + fan_out)) (Glorot and Bengio,
    /// "Understanding the difficulty of training deep feedforward neural networks",
    /// 2010).
    GlorotUniform {
        /// How many numbers go into one that comes out.
        fan_in: usize,
        /// Into how many numbers one that goes in goes.
        fan_out: usize,
    },
}

impl ParameterSpec {
    /// A matrix with Glorot's uniform numbers, which a tied decoder shares.
    pub(super) fn weight(inputs: usize, outputs: usize) -> Self {
        ParameterSpec {
            name: "weight",
            shape: (inputs, outputs),
            is_vector: false,
            initial: Initial::GlorotUniform {
                fan_in: inputs,
                fan_out: outputs,
            },
            is_tied: true,
        }
    }

    /// A vector of numbers that are all the same at first.
    pub(super) fn vector(name: &'static str, elements: usize, initial: Initial) -> Self {
        ParameterSpec {
            name,
            shape: (1, elements),
            is_vector: true,
            initial,
            is_tied: false,
        }
    }
}
