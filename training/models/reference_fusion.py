"""Systems C: a convolutional colouriser whose middle knows the whole picture (colorizers)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models import register
from training.models.reference_resnet import load_known


def _convs(inputs: int, plan: list[tuple[int, int]]) -> list[nn.Module]:
    """3x3 convolutions of (outputs, stride), each followed by a ReLU."""
    layers: list[nn.Module] = []
    for outputs, stride in plan:
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU()]
        inputs = outputs
    return layers


class UrbanCNN(nn.Module):
    """C1: eight convolutions down to an eighth, five up again; tanh chroma at full size.

    A `descriptor` of `features` numbers per picture is repeated over the grid and fused
    by 256 convolutions of one pixel.
    """

    multiple_of = 8

    def __init__(self, features: int = 0, width: int = 64) -> None:
        super().__init__()
        w = width
        self.encoder = nn.Sequential(
            *_convs(1, [(w, 2), (2 * w, 1), (2 * w, 2), (4 * w, 1), (4 * w, 2)]),
            *_convs(4 * w, [(8 * w, 1), (8 * w, 1), (4 * w, 1)]),
        )
        self.fuse = nn.Sequential(nn.Conv2d(4 * w + features, 4 * w, 1), nn.ReLU())
        if not features:
            self.fuse = nn.Sequential()
        double = nn.Upsample(scale_factor=2, mode="nearest")
        self.decoder = nn.Sequential(
            *_convs(4 * w, [(2 * w, 1)]), double,
            *_convs(2 * w, [(w, 1), (w, 1)]), double,
            *_convs(w, [(w // 2, 1)]), nn.Conv2d(w // 2, 2, 3, 1, 1), nn.Tanh(), double,
        )  # fmt: skip

    def describe(self, luma: Tensor) -> Tensor | None:
        """(N, features) of the whole picture."""
        return None

    def forward(self, luma: Tensor) -> Tensor:
        x = self.encoder(luma)
        known = self.describe(luma)
        if known is not None:
            spread = known[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])
            x = self.fuse(torch.cat((x, spread), 1))
        return self.decoder(x)


class _Described(UrbanCNN):
    """A timm network sees the picture at `size` x `size` and describes it.

    Its features are brought to mean 0 and variance 1 per picture, so that a backbone which
    starts from scratch does not drown the rest.
    """

    def __init__(self, backbone: str, size: int, width: int, options: dict[str, object]) -> None:
        import timm

        net = timm.create_model(backbone, pretrained=False, in_chans=1, num_classes=0, **options)
        super().__init__(net.num_features, width)
        self.backbone, self.size, self.features = net, size, net.num_features

    def trunk_parameters(self) -> list[nn.Parameter]:
        return list(self.backbone.parameters())

    def load_trunk(self, state: dict[str, Tensor]) -> list[str]:
        """Weights in timm's names; planes of the first layer are summed to one where needed."""
        own = self.backbone.state_dict()
        first = [k for k, v in own.items() if v.ndim == 4 and v.shape[1] == 1]
        folded = {
            k: state[k].sum(1, keepdim=True) for k in first if k in state and state[k].shape[1] == 3
        }
        return load_known(self.backbone, state | folded)

    def describe(self, luma: Tensor) -> Tensor:
        seen = F.interpolate(luma, (self.size, self.size), mode="bilinear")
        return F.layer_norm(self.backbone(seen), (self.features,))


@register("c1_cnn")
def c1_cnn(width: int = 64) -> UrbanCNN:
    return UrbanCNN(0, width)


@register("c2_inception")
def c2_inception(width: int = 64, size: int = 299) -> UrbanCNN:
    """C2: with the 2048 features of Inception-v3."""
    return _Described("inception_v3", size, width, {"aux_logits": False})


@register("c3_vit")
def c3_vit(width: int = 64, size: int = 224, depth: int = 12, dim: int = 768) -> UrbanCNN:
    """C3: with the class token of a ViT-B/16."""
    options = {"depth": depth, "embed_dim": dim, "img_size": size}
    return _Described("vit_base_patch16_224", size, width, options)
