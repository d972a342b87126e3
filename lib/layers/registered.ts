/** Makes tf.js know all layers of ours, so that files that hold them load. */
import './attention';
import './loraDense';
import './norms';
import './positions';
import './slimmable';
import './tiedEmbedding';
