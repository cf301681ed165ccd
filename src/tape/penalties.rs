//! Recording what a loss is joined by: penalties, and the random code of a
//! variational model.

use autoencoder_kernels::activation::Activation;

use super::id::{LossPart, Parameter, Value};
use super::node::{
    AbsolutePenalty, ContractivePenalty, Node, NormalDivergence, NormalSample, SparsityPenalty,
};
use super::record::{Tape, check_factor};
use crate::error::{Error, Result};

impl Tape {
    /// A penalty of `factor`·Σ|x| over the features, as the mean over the
    /// samples: L1, for codes most of which are 0.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a factor that is not finite and positive, a
    /// value that no parameter takes part in, or an unknown one.
    pub fn absolute_penalty(&mut self, x: Value, factor: f32) -> Result<LossPart> {
        self.check_penalised(x)?;
        check_factor("the factor of the L1 penalty", factor)?;
        let part = self.part(factor);
        self.push_goal(Node::Absolute(AbsolutePenalty { x, part }));
        Ok(part)
    }

    /// A penalty of `factor`·Σⱼ KL(ρ ‖ ρ̂ⱼ) with ρ the `target` and ρ̂ⱼ the mean
    /// of feature j over the samples of a minibatch (Ng, "Sparse autoencoder",
    /// CS294A lecture notes, where it is over all samples). `x` is the output
    /// of a sigmoid or of softmax, so that a mean is a rate.
    ///
    /// Forward of all rows comes before backward of any, so that the gradient
    /// is the exact one of the minibatch.
    ///
    /// # Errors
    /// [`Error::Configuration`] for another value, a target outside of (0, 1) or
    /// a factor that is not finite and positive.
    pub fn sparsity_penalty(&mut self, x: Value, target: f32, factor: f32) -> Result<LossPart> {
        self.check_penalised(x)?;
        check_factor("the factor of the sparsity penalty", factor)?;
        if !(target > 0.0 && target < 1.0) {
            return Err(Error::configuration(
                "the target of the sparsity penalty",
                target,
                "a mean activation between 0 and 1, such as 0.05",
            ));
        }
        let activation = match self.node(x) {
            Node::Nonlinearity(node) => node.activation,
            _ => Activation::Identity,
        };
        if !matches!(activation, Activation::Sigmoid | Activation::Softmax) {
            return Err(Error::configuration(
                "the activation under a sparsity penalty",
                activation,
                "sigmoid or softmax, whose outputs lie between 0 and 1",
            ));
        }
        let part = self.part(factor);
        let node = SparsityPenalty { x, target, part };
        self.push_goal(Node::Sparsity(node));
        Ok(part)
    }

    /// A penalty of `factor`·‖∂h/∂x‖², the squared Frobenius norm of a layer's
    /// Jacobian, as the mean over the samples (Rifai et al. 2011). `output` is
    /// h = act(x·W + b) of an input x, with or without a bias, and with an
    /// activation of single elements.
    ///
    /// # Errors
    /// [`Error::Configuration`] for any other value, for a second such penalty
    /// on one weight, or a factor that is not finite and positive.
    pub fn contractive_penalty(&mut self, output: Value, factor: f32) -> Result<LossPart> {
        self.check_penalised(output)?;
        check_factor("the factor of the contractive penalty", factor)?;
        let (activation, weight) = self.single_layer(output)?;
        if !activation.is_elementwise() {
            return Err(Error::configuration(
                "the activation under a contractive penalty",
                activation,
                "one of single elements, such as sigmoid",
            ));
        }
        let is_penalised = |value| match self.node(value) {
            Node::Contractive(node) => node.weight == weight,
            _ => false,
        };
        if (0..self.len()).map(Value).any(is_penalised) {
            return Err(Error::configuration(
                "the number of contractive penalties on one weight",
                2,
                "one",
            ));
        }
        let part = self.part(factor);
        let node = ContractivePenalty {
            output,
            weight,
            activation,
            part,
        };
        self.push_goal(Node::Contractive(node));
        Ok(part)
    }

    /// z = μ + σ·ε with σ = e^(½·log σ²): a sample of N(μ, σ²) through which
    /// gradients flow (Kingma and Welling 2014). ε is an input, which the
    /// caller fills with numbers of N(0, 1).
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::Configuration`] for a
    /// noise that is no input, or an unknown value.
    pub fn normal_sample(
        &mut self,
        mean: Value,
        log_variance: Value,
        noise: Value,
    ) -> Result<Value> {
        let features = self.features(mean)?;
        self.check_features("log σ² of a sample", log_variance, features)?;
        self.check_features("the noise of a sample", noise, features)?;
        if !matches!(self.node(noise), Node::Input(_)) {
            return Err(Error::configuration(
                "the noise of a sample",
                "a computed value",
                "an input",
            ));
        }
        let differentiable = self.is_differentiable(mean) || self.is_differentiable(log_variance);
        let node = NormalSample {
            mean,
            log_variance,
            noise,
        };
        let shape = self.value_shape(mean)?;
        Ok(self.push(Node::NormalSample(node), shape, differentiable))
    }

    /// `factor`·KL(N(μ, σ²) ‖ N(0, 1)) in closed form, summed over the features,
    /// as the mean over the samples, in nats: the regulariser of a variational
    /// autoencoder (Kingma and Welling 2014, appendix B), with β as `factor`
    /// (Higgins et al. 2017).
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::Configuration`] for a
    /// factor that is negative or not finite, or an unknown value.
    pub fn normal_divergence(
        &mut self,
        mean: Value,
        log_variance: Value,
        factor: f32,
    ) -> Result<LossPart> {
        self.check_penalised(mean)?;
        let features = self.features(mean)?;
        self.check_features("log σ² of a divergence", log_variance, features)?;
        if factor != 0.0 {
            check_factor("β, the factor of the KL divergence,", factor)?;
        }
        let part = self.part(factor);
        let node = NormalDivergence {
            mean,
            log_variance,
            part,
        };
        self.push_goal(Node::NormalDivergence(node));
        Ok(part)
    }

    fn check_penalised(&self, x: Value) -> Result<()> {
        self.features(x)?;
        // Of frozen layers alone it is a constant, but worth a report.
        if !self.is_input(x) {
            return Ok(());
        }
        Err(Error::configuration(
            "the value under a penalty",
            "free of parameters",
            "the output of a layer",
        ))
    }

    fn check_features(&self, what: &'static str, value: Value, features: usize) -> Result<()> {
        let given = self.features(value)?;
        if given == features {
            return Ok(());
        }
        Err(Error::shape(
            what,
            format_args!("{given} features"),
            format_args!("{features}, those of the mean"),
        ))
    }

    /// The activation and the weight of a layer that reads an input.
    fn single_layer(&self, output: Value) -> Result<(Activation, Parameter)> {
        let (sum, activation) = match *self.node(output) {
            Node::Nonlinearity(node) => (node.x, node.activation),
            _ => (output, Activation::Identity),
        };
        let product = match *self.node(sum) {
            Node::AddBias(node) => node.x,
            _ => sum,
        };
        if let Node::MatMul(product) = *self.node(product)
            && !product.weight.transposed
            && self.is_input(product.x)
        {
            return Ok((activation, product.weight.parameter));
        }
        Err(Error::configuration(
            "the value under a contractive penalty",
            "something else",
            "the output of one dense layer that reads an input",
        ))
    }

    /// Whether a value is an input, with noise or dropout or without.
    fn is_input(&self, value: Value) -> bool {
        match self.node(value) {
            Node::Input(_) => true,
            Node::Corrupt(node) => self.is_input(node.x),
            Node::Dropout(node) => self.is_input(node.x),
            _ => false,
        }
    }
}
