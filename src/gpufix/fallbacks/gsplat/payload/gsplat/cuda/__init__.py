"""Where gsplat keeps the parts of a picture: ``gsplat.cuda._wrapper``."""
