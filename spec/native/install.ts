/** As useBackend('node') does, for specs that choose the backend by tf.js itself. */
import { installNativeKernels } from '../../lib/kernels/native';

installNativeKernels();
