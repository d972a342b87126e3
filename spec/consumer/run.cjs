const library = require('tfjs-prune');
const { job } = require('./job.cjs');

job(library);
