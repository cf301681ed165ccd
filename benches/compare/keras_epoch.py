"""Keras 3: `fit`, as the tutorials write it, on the backend that KERAS_BACKEND
names, "tensorflow" or "jax"."""

import os
import time

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras

import common


class Clock(keras.callbacks.Callback):
    """The seconds from each epoch's end to the next one's."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_begin(self, logs=None):
        self.last = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now


def main():
    args = common.arguments()
    backend = keras.config.backend()
    version = f"{keras.__version__}"
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(args.threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(args.threads)
        version += f" (TensorFlow {tensorflow.__version__})"
    program = common.PROGRAMS[args.program]
    rows = common.data_f32(args)
    hidden = [keras.layers.Dense(n, activation="relu") for n in program.widths[1:-1]]
    output = keras.layers.Dense(program.widths[-1], activation=program.output)
    model = keras.Sequential([keras.Input((program.widths[0],)), *hidden, output])
    model.compile(
        optimizer=keras.optimizers.Adam(common.LEARNING_RATE),
        loss={"bce": "binary_crossentropy", "mse": "mse"}[program.loss],
    )
    clock = Clock()
    history = model.fit(
        rows,
        rows,
        batch_size=common.BATCH_SIZE,
        epochs=args.warm_up + args.epochs,
        shuffle=True,
        verbose=0,
        callbacks=[clock],
    )
    peer = {"tensorflow": "Keras/TF", "jax": "Keras/JAX"}[backend]
    common.report(peer, version, args, clock.seconds, history.history["loss"][-1])


main()
