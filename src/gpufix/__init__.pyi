from gpufix.api import GpufixError as GpufixError
from gpufix.api import Report as Report
from gpufix.api import diagnose as diagnose
from gpufix.api import explain_error as explain_error
from gpufix.api import plan as plan

__version__: str
