import torchvision


def network(name="resnet18"):
    return getattr(torchvision.models, name)()
