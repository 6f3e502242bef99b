"""Strided convolutions that are also fast where one side has one or two channels, as images do.

To go from many channels to one, a transposed convolution of stride s leaves most of a processor's
vector lanes empty (on an x86-64 with AVX-512 it runs at a twentieth of the rate of the others).
The same sums in another order do not: multiply every pixel by the whole kernel at once, one matrix
product that gives a plane for each tap, then add the planes up, each at its offset. A network's
first convolution goes that way when a gradient reaches its images, and a generator's last
transposed convolution on its forward pass. Biases of few channels leave the lanes empty as well, so
they are added along whole images. Everything else is TensorFlow's.
"""

import tensorflow as tf

# With more channels the planes cost more memory traffic than the empty lanes.
MAX_NARROW_CHANNELS = 2
MAX_NARROW_BIASES = 4  # as images have, with transparency; with 32 it costs more than it saves


def convolve(images: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Return the convolution with "same" padding, [batch, height / stride, width / stride, out].

    Args:
        images: [batch, height, width, in].
        kernel: [size, size, in, out].
        stride: in height and width.
    """
    if not _is_narrow(images.shape, kernel.shape[2], stride):
        return tf.nn.conv2d(images, kernel, stride, "SAME")

    @tf.custom_gradient
    def narrow(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                add_taps(upstream, kernel, stride),
                _kernel_gradient(images, kernel, upstream, stride),
            )

        return tf.nn.conv2d(images, kernel, stride, "SAME"), gradient

    return narrow(images, kernel)


def convolve_transposed(features: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Return the transposed convolution, [batch, height * stride, width * stride, out].

    Args:
        features: [batch, height, width, in], height and width known.
        kernel: [size, size, out, in].
        stride: in height and width.
    """
    sizes = [size * stride for size in features.shape[1:3]]
    if not _is_narrow((None, *sizes, None), kernel.shape[2], stride):
        shape = (tf.shape(features)[0], *sizes, kernel.shape[2])
        return tf.nn.conv2d_transpose(features, kernel, shape, stride, "SAME")

    @tf.custom_gradient
    def narrow(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                tf.nn.conv2d(upstream, kernel, stride, "SAME"),
                _kernel_gradient(upstream, kernel, features, stride),
            )

        return add_taps(features, kernel, stride), gradient

    return narrow(features, kernel)


def add_taps(features: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Return the transposed convolution, as one matrix product and shifted sums.

    Tap a of a kernel row sends the feature at i to the pixel i * stride + a - before, where
    `before` is what "same" padding puts before an image whose size the stride divides.

    Args:
        features: [batch, height, width, in], height and width known.
        kernel: [size, size, out, in].
        stride: in height and width.
    """
    size, _, out, depth = kernel.shape
    height, width = features.shape[1:3]
    pixels = tf.reshape(features, (-1, depth))
    # Pixels first: with its transposition little over half the time of the other order.
    planes = tf.transpose(tf.matmul(pixels, tf.reshape(kernel, (-1, depth)), transpose_b=True))
    planes = tf.reshape(planes, (size, size, out, -1, height, width))
    rows = _gather_taps(planes, stride, axis=3)  # [stride, size, out, batch, height, width]
    both = _gather_taps(tf.transpose(rows, (1, 0, 2, 3, 4, 5)), stride, axis=4)
    images = tf.transpose(both, (3, 4, 1, 5, 0, 2))  # [batch, height, stride, width, stride, out]
    return tf.reshape(images, (-1, height * stride, width * stride, out))


def add_bias(features: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Return features [batch, height, width, channels] plus a bias [channels].

    Few channels are added as one row [height * width * channels] for each image, so that the
    bias' gradient is summed over the batch first.
    """
    height, width, channels = features.shape[1:]
    if channels > MAX_NARROW_BIASES or height is None or width is None:
        return tf.nn.bias_add(features, bias)
    row = tf.tile(bias, (height * width,))
    sums = tf.reshape(features, (-1, height * width * channels)) + row
    return tf.reshape(sums, (-1, height, width, channels))


def _gather_taps(planes: tf.Tensor, stride: int, axis: int) -> tf.Tensor:
    """Sum over the taps, the first axis, that meet in one pixel, for each remainder of it.

    Args:
        planes: [taps, ...].
        stride: of the convolution.
        axis: the image axis of a plane along which the taps lie.
    """
    num_taps = planes.shape[0]
    before = (num_taps - stride) // 2
    terms: list[list[tf.Tensor]] = [[] for _ in range(stride)]
    for tap in range(num_taps):
        shift, remainder = divmod(tap - before, stride)
        terms[remainder].append(_shift(planes[tap], shift, axis))
    return tf.stack([tf.add_n(meeting) for meeting in terms])


def _shift(values: tf.Tensor, offset: int, axis: int) -> tf.Tensor:
    """Move values by `offset` along an axis, zeros moving in."""
    if offset == 0:
        return values
    kept = [slice(None)] * values.shape.rank
    padding = [[0, 0]] * values.shape.rank
    kept[axis] = slice(max(-offset, 0), values.shape[axis] - max(offset, 0))
    padding[axis] = [max(offset, 0), max(-offset, 0)]
    return tf.pad(values[tuple(kept)], padding)


def _kernel_gradient(
    images: tf.Tensor, kernel: tf.Tensor, features: tf.Tensor, stride: int
) -> tf.Tensor:
    return tf.compat.v1.nn.conv2d_backprop_filter(
        images, tf.shape(kernel), features, [1, stride, stride, 1], "SAME"
    )


def _is_narrow(shape: tf.TensorShape, channels: int, stride: int) -> bool:
    """Say whether the order of sums above holds (sizes that the stride divides) and pays."""
    divides = all(size and size % stride == 0 for size in shape[1:3])
    return stride > 1 and channels <= MAX_NARROW_CHANNELS and divides
