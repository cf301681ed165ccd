//! [`Autoencoder`]: an architecture with its numbers.

use std::sync::{Arc, OnceLock};

use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::{Context, Mat, MatMut, parallel};

use super::architecture::{Architecture, ParameterInfo};
use super::builder::Builder;
use super::graph::Graph;
use super::samples::Samples;
use super::training::Training;
use crate::error::{Error, Result};
use crate::tape::{Inference, Parameters, Value};

/// A network that learns to give back its input through a narrow code.
///
/// ```
/// use autoencoder::model::{Autoencoder, FitOptions};
/// use autoencoder::{Activation, Loss};
///
/// let (train, test) = autoencoder::data::digits_split();
/// let mut model = Autoencoder::builder()
///     .input(784)
///     .encoder([32])
///     .hidden(Activation::Relu)
///     .output(Activation::Sigmoid)
///     .loss(Loss::BinaryCrossEntropy)
///     .seed(0)
///     .build()?;
/// let options = FitOptions { epochs: 1, ..FitOptions::default() };
/// # let train = train.slice(0..512)?;
/// let history = model.fit(&train, &options)?;
/// assert_eq!(history.epochs.len(), 1);
///
/// let codes = model.encode(&test)?;
/// assert_eq!(codes.shape(), (1_000, 32));
/// let reconstructions = model.decode(&codes)?;
/// assert_eq!(reconstructions.shape(), (1_000, 784));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone)]
pub struct Autoencoder {
    architecture: Architecture,
    graph: Graph,
    // As `Architecture::parameters` lists them.
    values: Parameters,
    seed: u64,
    training: Option<Training>,
    plans: Plans,
}

/// What the model's uses are planned as, from their first time on: planning
/// takes longer than the code of one sample.
#[derive(Clone, Default)]
struct Plans {
    encode: OnceLock<Arc<Inference>>,
    decode: OnceLock<Arc<Inference>>,
    reconstruct: OnceLock<Arc<Inference>>,
}

impl Autoencoder {
    /// What to build; see [`Builder`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A model with parameters of zero.
    pub(super) fn zeros(architecture: Architecture, seed: u64) -> Result<Self> {
        // An allocation that fails ends the program, so ask first.
        let count = architecture.parameter_count();
        if Vec::<f32>::new().try_reserve_exact(count).is_err() {
            return Err(Error::configuration(
                "the number of parameters",
                count,
                "as many as fit in memory; make the layers narrower",
            ));
        }
        let graph = Graph::new(&architecture)?;
        Ok(Autoencoder {
            values: Parameters::zeros(&graph.tape)?,
            graph,
            architecture,
            seed,
            training: None,
            plans: Plans::default(),
        })
    }

    /// What the model is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What training minimises.
    pub fn loss(&self) -> Loss {
        self.architecture.loss()
    }

    /// The numbers and what they are, in the order of
    /// [`Architecture::parameters`].
    pub fn parameters(&self) -> impl Iterator<Item = (ParameterInfo, &Mat<f32>)> {
        let infos = self.architecture.parameters().into_iter();
        infos.zip(self.graph.tape.parameters().map(|p| self.values.get(p)))
    }

    /// The numbers of [`Architecture::parameters`]`[index]`, which must exist.
    pub(super) fn parameter(&self, index: usize) -> &Mat<f32> {
        let parameter = self.graph.tape.parameters().nth(index);
        self.values.get(parameter.expect("it exists"))
    }

    /// The same, to write.
    pub(super) fn parameter_mut(&mut self, index: usize) -> MatMut<'_, f32> {
        let parameter = self.graph.tape.parameters().nth(index);
        self.values.get_mut(parameter.expect("it exists"))
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) fn values(&self) -> &Parameters {
        &self.values
    }

    pub(super) fn values_mut(&mut self) -> &mut Parameters {
        &mut self.values
    }

    /// The seed of the first weights.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How the model was trained last, if it was.
    pub fn training(&self) -> Option<&Training> {
        self.training.as_ref()
    }

    pub(super) fn set_training(&mut self, training: Option<Training>) {
        self.training = training;
    }

    /// The same numbers in another architecture, which differs in activations,
    /// loss or the shape of a sample alone.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the widths or
    /// the tying differ.
    pub fn with_architecture(self, architecture: Architecture) -> Result<Self> {
        if architecture.parameters() != self.architecture.parameters() {
            let words = |architecture: &Architecture| {
                let [encoder, decoder] = architecture.descriptions();
                let tied = if architecture.is_tied() { ", tied" } else { "" };
                let random = match architecture.is_variational() {
                    true => ", variational",
                    false => "",
                };
                format!("{encoder} and back {decoder}{tied}{random}")
            };
            return Err(Error::configuration(
                "the architecture",
                words(&architecture),
                format_args!("{}, which the weights are for", words(&self.architecture)),
            ));
        }
        Ok(Autoencoder {
            graph: Graph::new(&architecture)?,
            architecture,
            plans: Plans::default(),
            ..self
        })
    }

    /// The codes of samples, one a row; of a variational model their means μ.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the samples are as wide as
    /// the input.
    pub fn encode<'a>(&self, samples: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let width = self.architecture.input();
        let plan = || self.plan(&self.graph, self.graph.code);
        self.run(&self.plans.encode, plan, width, samples.into())
    }

    /// What codes stand for, one a row.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the codes are as wide as the
    /// code.
    pub fn decode<'a>(&self, codes: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let width = self.architecture.code();
        let plan = || {
            let decoder = Graph::decoder(&self.architecture)?;
            self.plan(&decoder, decoder.output)
        };
        self.run(&self.plans.decode, plan, width, codes.into())
    }

    /// What is left of samples after the way through the code, one a row; in a
    /// variational model by way of the mean μ.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the samples are as wide as
    /// the input.
    pub fn reconstruct<'a>(&self, samples: impl Into<Samples<'a>>) -> Result<Mat<f32>> {
        let width = self.architecture.input();
        let plan = || self.plan(&self.graph, self.graph.output);
        self.run(&self.plans.reconstruct, plan, width, samples.into())
    }

    fn plan(&self, graph: &Graph, value: Value) -> Result<Inference> {
        Inference::new(&graph.tape, value, Context::default())
    }

    /// Runs a plan, whose only input has `width` numbers a row.
    fn run(
        &self,
        kept: &OnceLock<Arc<Inference>>,
        plan: impl FnOnce() -> Result<Inference>,
        width: usize,
        samples: Samples<'_>,
    ) -> Result<Mat<f32>> {
        self.check_width(samples, width)?;
        let inference = match kept.get() {
            Some(inference) => inference,
            None => {
                let planned = Arc::new(plan()?);
                kept.get_or_init(|| planned)
            }
        };
        let rows = samples.len();
        parallel::in_pool(inference.parallelism(rows), || match samples.matrix() {
            Some(matrix) => inference.run_on(&self.values, matrix),
            None => inference.run(&self.values, rows, |_, rows, out| {
                samples.rows_into(rows, out)
            }),
        })
    }

    pub(super) fn check_width(&self, samples: Samples<'_>, width: usize) -> Result<()> {
        if samples.features() == width {
            Ok(())
        } else {
            let expected = format!("{width}, which the model takes");
            Err(Error::shape(
                "numbers per row",
                samples.features(),
                expected,
            ))
        }
    }
}

impl std::fmt::Debug for Autoencoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Autoencoder")
            .field("architecture", &self.architecture)
            .field("training", &self.training)
            .finish_non_exhaustive()
    }
}
